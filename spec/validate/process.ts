/**
 * Rules of the process: runtime-spec `config.md`, section Process.
 *
 * @module
 */
import { RLIMITS } from "../rlimits.ts";
import { checkAffinity, checkIoPriority, checkScheduler } from "./scheduling.ts";
import { ID, quote, type Section } from "./section.ts";

/** Largest height or width of a terminal: struct winsize has 16-bit fields. */
const WINDOW_MAX = 0xffff;

/** The five capability sets. */
export const CAPABILITY_SETS = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

/** All rules of a process, that of the container or one of `exec`. */
export function checkProcess(process: Section): void {
  checkCommand(process);
  checkUser(process);
  checkTerminal(process);
  const capabilities = process.object("capabilities");
  for (const set of CAPABILITY_SETS) capabilities?.strings(set);
  checkRlimits(process);
  process.boolean("noNewPrivileges");
  process.string("apparmorProfile");
  process.string("selinuxLabel");
  process.integer("oomScoreAdj", -1000, 1000);
  checkScheduler(process);
  checkIoPriority(process);
  checkAffinity(process);
}

/** Working directory, arguments, environment. */
function checkCommand(process: Section): void {
  const cwd = process.has("cwd") ? process.string("cwd") : "";
  if (cwd === "") process.fail("cwd", "Cwd property must not be empty", 'such as "/"');
  else if (cwd !== undefined && !cwd.startsWith("/")) process.fail("cwd", "Cwd must be an absolute path");
  const args = process.has("args") ? process.strings("args") : [];
  if (args?.length === 0) process.fail("args", "args must not be empty", "name the program to run");
  checkEnvironment(process);
}

/** `env` of a process or a hook: `name=value` each. */
export function checkEnvironment(section: Section): void {
  for (const [index, variable] of section.list("env")?.entries() ?? []) {
    const equals = typeof variable === "string" ? variable.indexOf("=") : -1;
    if (typeof variable !== "string") section.failItem("env", index, "must be a string");
    else if (equals < 0) section.failItem("env", index, "invalid environment variable: missing '='");
    else if (equals === 0) {
      section.failItem("env", index, "invalid environment variable: name cannot be empty");
    } else if (variable.includes("\0")) {
      const name = quote(variable.slice(0, equals));
      section.failItem("env", index, `invalid environment variable ${name}: contains nul byte (\\x00)`);
    }
  }
}

function checkUser(process: Section): void {
  process.need("user");
  const user = process.object("user");
  if (!user) return;
  user.need("uid", "gid");
  user.integer("uid", 0, ID);
  user.integer("gid", 0, ID);
  user.integer("umask", 0, 0o777);
  user.integers("additionalGids", 0, ID);
}

/** The specification wants a console size without a terminal ignored, whatever it is. */
function checkTerminal(process: Section): void {
  if (!process.boolean("terminal")) return;
  const size = process.object("consoleSize");
  size?.need("height", "width");
  size?.integer("height", 0, WINDOW_MAX);
  size?.integer("width", 0, WINDOW_MAX);
}

/** Known resources, each once, with a soft limit that is not above the hard one. */
function checkRlimits(process: Section): void {
  const seen = new Set<string>();
  for (const entry of process.objects("rlimits")) {
    entry.need("type", "hard", "soft");
    const type = entry.name("type", RLIMITS, (it) => `wrong rlimit value: ${it}`);
    if (type !== undefined && seen.has(type)) {
      entry.fail("type", `${type} is limited twice`, "keep one of them");
    }
    if (type !== undefined) seen.add(type);
    const hard = entry.integer64("hard", "unsigned"), soft = entry.integer64("soft", "unsigned");
    if (hard !== undefined && soft !== undefined && soft > hard) {
      entry.fail("soft", `soft limit ${soft} is above the hard limit ${hard}`);
    }
  }
}
