/**
 * The process of `exec`: from a document, or the container's own with the changes of the command line.
 * @module
 */

import { CAPABILITIES } from "../../../spec/capabilities.ts";
import { parseJson } from "../../../spec/json.ts";
import { lookup } from "../../../spec/tables.ts";
import type { Process } from "../../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { inputFailure, readInput, type Waiting } from "../../host/input.ts";
import type { Log } from "../../host/log.ts";

/** The command line's changes to the process. Absent values are those of the container's config. */
export interface ProcessFlags {
  args: readonly string[];
  cwd?: string;
  /** Added to the config's. */
  env: readonly string[];
  tty: boolean;
  /** `uid[:gid]`, numbers. */
  user?: string;
  /** Added to the config's. */
  additionalGids: readonly string[];
  processLabel?: string;
  apparmor?: string;
  noNewPrivileges?: boolean;
  /** Added to the config's. */
  capabilities: readonly string[];
}

/**
 * The container's process with other arguments, and with the changes of the flags.
 *
 * @throws {RuntimeError} In runc's words.
 */
export function processFromFlags(base: Process, flags: ProcessFlags, log: Log): Process {
  if (flags.args.length === 0) throw new RuntimeError("EINVAL_PROCESS", "process args cannot be empty");
  const process: Process = {
    ...base,
    args: [...flags.args],
    cwd: flags.cwd ?? base.cwd,
    env: [...(base.env ?? []), ...flags.env],
    terminal: flags.tty,
    user: withUser(base.user, flags),
    apparmorProfile: flags.apparmor ?? base.apparmorProfile,
    selinuxLabel: flags.processLabel ?? base.selinuxLabel,
    noNewPrivileges: flags.noNewPrivileges ?? base.noNewPrivileges,
    capabilities: withCapabilities(base.capabilities, flags.capabilities),
  };
  if (!process.cwd.startsWith("/")) throw new RuntimeError("EINVAL_PROCESS", "Cwd must be an absolute path");
  for (const variable of flags.env) checkVariable(variable);
  const unknown = flags.capabilities.filter((name) => lookup(CAPABILITIES, name) === undefined);
  if (unknown.length > 0) {
    log.warnLater(
      `ignoring unknown or unavailable capabilities: [${unknown.join(" ")}]`,
      "runtime/container/exec/process.ts processFromFlags",
    );
  }
  return process;
}

function checkVariable(variable: string): void {
  const equals = variable.indexOf("=");
  if (equals > 0) return;
  const reason = equals < 0 ? "missing '='" : "name cannot be empty";
  throw new RuntimeError(
    "EINVAL_PROCESS",
    `invalid environment variable ${JSON.stringify(variable)}: ${reason}`,
  );
}

/** The largest id. One more means "no change" to the kernel: setresuid(2). */
const LAST_ID = 0xffff_fffe;

/**
 * Parses an id, which has nothing but digits: an id that is taken for 0 by mistake is root's
 * (CVE-2026-30892).
 */
function parseId(text: string, kind: "uid" | "gid"): number {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Infinity;
  if (id > LAST_ID) {
    throw new RuntimeError("EINVAL_USER", `parsing ${text} as int for ${kind} failed: invalid syntax`);
  }
  return id;
}

function withUser(base: Process["user"], { user: text, additionalGids }: ProcessFlags): Process["user"] {
  const user = { ...base };
  if (text !== undefined) {
    const colon = text.indexOf(":");
    user.uid = parseId(colon < 0 ? text : text.slice(0, colon), "uid");
    if (colon >= 0) user.gid = parseId(text.slice(colon + 1), "gid");
  }
  if (additionalGids.length > 0) {
    const added = additionalGids.map((gid) => {
      if (gid.startsWith("-")) {
        throw new RuntimeError("EINVAL_USER", `additional-gids must be a positive number ${gid}`);
      }
      return parseId(gid, "gid");
    });
    user.additionalGids = [...(base.additionalGids ?? []), ...added];
  }
  return user;
}

/**
 * Adds capabilities, but never to the inheritable set (CVE-2022-29162). As in runc, the ambient set therefore
 * grows only where the config has made capabilities inheritable. Names that the kernel does not know are left
 * out later, as in a config.
 */
function withCapabilities(base: Process["capabilities"], added: readonly string[]): Process["capabilities"] {
  if (added.length === 0) return base;
  const { bounding = [], effective = [], permitted = [], inheritable, ambient = [] } = base ?? {};
  return {
    bounding: [...bounding, ...added],
    effective: [...effective, ...added],
    permitted: [...permitted, ...added],
    inheritable,
    ambient: inheritable?.length ? [...ambient, ...added] : ambient,
  };
}

/**
 * Reads the document of `exec --process`. As in runc, absent capabilities and scheduling are those of the
 * container's own process. Other absent values are left unset.
 *
 * @param path Path of a JSON file.
 * @param base The container's own process.
 * @throws {RuntimeError} When there is no config.json, or with everything that is wrong with it.
 */
export async function processFromFile(
  k: LocalKernel,
  path: string,
  base: Process,
  { log, wait }: { log: Log; wait?: Waiting },
): Promise<Process> {
  let text: string, process: unknown;
  try {
    text = await readInput(k, path, wait);
  } catch (error) {
    throw RuntimeError.from(error, `open ${path}: ${inputFailure(error)}`);
  }
  try {
    process = parseJson(text);
  } catch (error) {
    throw new RuntimeError("EIO_PROCESS", `${path}: ${reasonOf(error)}`);
  }
  const { isPlainProcess } = await import("../../../spec/plain.ts");
  // A quick look accepts what clients usually send; the full check takes longer than everything else here.
  const warn = (_path: string, reason: string) =>
    log.warnLater(reason, "runtime/container/exec/process.ts processFromFile");
  const plain = !text.includes("\\u0000") && isPlainProcess(process, warn);
  if (plain) return withDefaults(process as Process, base);
  const { readWholeProcess } = await import("../whole_document.ts");
  return withDefaults(readWholeProcess(process, log, path), base);
}

function withDefaults(process: Process, base: Process): Process {
  return {
    ...process,
    capabilities: process.capabilities ?? base.capabilities,
    scheduler: process.scheduler ?? base.scheduler,
    ioPriority: process.ioPriority ?? base.ioPriority,
    execCPUAffinity: process.execCPUAffinity ?? base.execCPUAffinity,
  };
}
