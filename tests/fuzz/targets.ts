/**
 * What is done with a config or a command line, and what has to be true whatever it is.
 * @module
 */
import { TsrunError } from "../../ffi/errors.ts";
import { local } from "../../ffi/local.ts";
import { AddressOf, type Arg, isResult, Load } from "../../ffi/kernel.ts";
import { Buffer } from "../../ffi/memory.ts";
import { setAttributes } from "../../init/process_attributes.ts";
import { parseConfig } from "../../spec/parse.ts";
import { signalNumber } from "../../spec/signals.ts";
import type { LinuxResources, Spec } from "../../spec/types.ts";
import { explainConfig, formatProblems } from "../../spec/validate.ts";
import type { Row } from "../../runtime/cgroups/row.ts";
import { rowsFor } from "../../runtime/cgroups/v1/resources.ts";
import { rowsV2 } from "../../runtime/cgroups/v2/resources.ts";
import { allCommands, loadCommand } from "../../runtime/cli/commands.ts";
import type { Command } from "../../runtime/cli/command.ts";
import { createOptions } from "../../runtime/cli/create_flags.ts";
import { parseDuration } from "../../runtime/cli/duration.ts";
import { parseFlags } from "../../runtime/cli/flags.ts";
import { GLOBAL_FLAGS, readGlobals } from "../../runtime/cli/globals.ts";
import { requestedResources, requestedSchemata } from "../../runtime/cli/update_flags.ts";
import { exactJson } from "../../runtime/container/exact_json.ts";
import { validateId } from "../../runtime/container/id.ts";
import { processFromFlags } from "../../runtime/container/exec/process.ts";
import { planSeccomp } from "../../runtime/features/seccomp/profile.ts";
import { formatRecord, Log } from "../../runtime/host/log.ts";
import { dryKernel, drySetUp } from "./dry_setup.ts";

/** What came of one input. */
export type Verdict = "refused" | "taken";

/** Milliseconds that one input may take: many times what the largest of them does on a busy machine. */
const LONGEST = 2000;
/** Characters that a message may have. */
const LONGEST_MESSAGE = 20_000;
const PAGE_SIZES = () => ["2048kB", "1048576kB"];
// deno-lint-ignore no-control-regex -- That is what is looked for.
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/;

/** A property that does not hold. */
export class Violation extends Error {
  override name = "Violation";
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Violation(what);
}

/** A message as the log writes it is one line, of which the terminal takes none for a command. */
function checkMessage(message: string): void {
  check(message !== "" && message.length < LONGEST_MESSAGE, `a message of ${message.length} characters`);
  check(
    !/\bundefined\b|\[object |\bNaN\b|internal error/.test(message),
    `a message says ${message.slice(0, 300)}`,
  );
  const record = formatRecord("text", "error", message, new Date(0));
  check(
    !CONTROLS.test(record.trimEnd()),
    `a record with a control character: ${JSON.stringify(record.slice(0, 300))}`,
  );
}

/** Runs `work`. An error of tsrun's own is a refusal. */
function attempt(work: () => void): Verdict {
  try {
    work();
    return "taken";
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    checkMessage(error.message);
    return "refused";
  }
}

/** Values that the kernel takes: whole numbers of 64 bits, and texts that end where they seem to. */
function checkArgument(name: string, arg: Arg): void {
  if (typeof arg === "number") {
    check(Number.isInteger(arg) && Math.abs(arg) <= 2 ** 64, `${name} with the number ${arg}`);
  } else if (typeof arg === "bigint") {
    check(arg >= -(2n ** 63n) && arg < 2n ** 64n, `${name} with the number ${arg}`);
  } else if (typeof arg === "string") {
    check(!arg.includes("\0"), `${name} with a NUL byte in ${JSON.stringify(arg)}`);
  } else if (Array.isArray(arg)) { for (const item of arg) checkArgument(name, item as Arg); }
  else {
    const known = arg === null || arg instanceof Uint8Array || arg instanceof Buffer || isResult(arg) ||
      arg instanceof Load || arg instanceof AddressOf;
    check(known, `${name} with ${typeof arg}`);
  }
}

/** What rows write: one line of text without surprises. */
function checkRows(rows: readonly Row[], resources: LinuxResources): void {
  for (const row of rows) {
    const group = resources[row.group] as Record<string, unknown> | undefined;
    const value = row.field === undefined ? group : group?.[row.field];
    if (value === undefined || value === null) continue;
    attempt(() => {
      row.check?.(resources, () => "0");
      const values = row.convert(value, resources);
      const texts = values === undefined ? [] : typeof values === "string" ? [values] : values;
      for (const text of texts) {
        check(
          typeof text === "string" && !/[\n\0]|NaN|undefined|\[object|e\+/.test(text),
          `${row.file}: ${text}`,
        );
      }
    });
  }
}

/** What must not be left out of a set-up. */
function checkNotWider(spec: Spec, calls: readonly { name: string; args: readonly Arg[] }[]): void {
  const made = (name: string, first?: number) =>
    calls.some((call) => call.name === name && (first === undefined || call.args[0] === first));
  const PR_SET_NO_NEW_PRIVS = 38, SECCOMP_FILTER = 1;
  const { process, linux, root } = spec;
  check(!process.noNewPrivileges || made("prctl", PR_SET_NO_NEW_PRIVS), "no-new-privileges is left out");
  check(!linux?.seccomp || made("seccomp", SECCOMP_FILTER), "the filter is left out");
  check(!root.readonly || made("mount_setattr"), "the root stays writable");
  check(
    made("pivot_root") || made("chroot") || !linux?.namespaces?.some(({ type }) => type === "mount"),
    "no new root",
  );
  check(made("capset"), "capabilities are left out");
  check(made("setresuid") || process.user === undefined || process.user.uid === 0, "the user is left out");
}

/** Parses, checks and plans a config. */
export function tryConfig(text: string): Verdict {
  const begin = performance.now();
  try {
    return readAndPlan(text);
  } finally {
    const took = performance.now() - begin;
    check(took < LONGEST, `takes ${took.toFixed(0)} ms`);
  }
}

function readAndPlan(text: string): Verdict {
  let spec: Spec;
  try {
    const reading = parseConfig(text);
    const whole = explainConfig(reading.config);
    if (whole.problems.length > 0) {
      check(!reading.plain, "looks plain and has problems");
      checkMessage(formatProblems(whole.problems, "config.json"));
      return "refused";
    }
    spec = whole.document;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    checkMessage(`config.json: ${error.message}`);
    return "refused";
  }
  const saved = exactJson(spec);
  check(
    exactJson(explainConfig(parseConfig(saved).config).document) === saved,
    "is another config when it is read back",
  );
  return plan(spec);
}

function plan(spec: Spec): Verdict {
  const { linux } = spec;
  if (linux?.resources) {
    const { resources } = linux;
    attempt(() => checkRows(rowsFor(resources, PAGE_SIZES), resources));
    attempt(() => checkRows(rowsV2(resources, { pageSizes: PAGE_SIZES, exists: () => true }), resources));
  }
  const { seccomp } = linux ?? {};
  if (seccomp && attempt(() => void planSeccomp(seccomp)) === "refused") return "refused";
  attempt(() => {
    const k = dryKernel();
    setAttributes(k, spec.process, linux);
    for (const { name, args } of k.calls) for (const arg of args) checkArgument(name, arg);
  });
  return attempt(() => {
    const { calls } = drySetUp(spec);
    for (const { name, args } of calls) for (const arg of args) checkArgument(name, arg);
    checkNotWider(spec, calls);
  });
}

/** Warnings are of no interest here. */
const QUIET = new Log({ format: "text", debug: false });
QUIET.warn = () => {};

/** The process of a container that exec's flags change. */
const BASE = { args: ["/bin/sh"], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } };

/**
 * Parses a command line, up to where the command would begin its work. @param words Without the program's
 * name.
 */
export async function tryLine(words: readonly string[]): Promise<Verdict> {
  try {
    const line = parseFlags(GLOBAL_FLAGS, words, { stopAtOperand: true });
    const [name, ...rest] = line.args;
    const global = readGlobals(line.flags);
    const command = name === undefined ? undefined : await loadCommand(name);
    if (command === undefined) return "refused";
    return await tryCommand(command, global, rest);
  } catch (error) {
    if (!(error instanceof TsrunError)) throw error;
    checkMessage(error.message);
    return "refused";
  }
}

async function tryCommand(
  command: Command,
  global: ReturnType<typeof readGlobals>,
  words: readonly string[],
): Promise<Verdict> {
  const { flags, args, help } = parseFlags(command.flags, words, command);
  if (help || args.length < command.minArgs || args.length > command.maxArgs) return "refused";
  if (args.length > 0) validateId(args[0]);
  if (command.name === "create" || command.name === "run") {
    createOptions({ global, flags, args, log: QUIET, commands: allCommands });
  }
  if (command.name === "update" && flags.string("resources") === "") {
    const resources = await requestedResources(local(), flags);
    requestedSchemata(flags);
    checkRows(rowsFor(resources, PAGE_SIZES), resources);
  }
  if (command.name === "kill") signalNumber((args[1] ?? "TERM").replace(/^-/, ""));
  if (command.name === "events") parseDuration(flags.string("interval"));
  if (command.name === "exec") {
    processFromFlags(BASE, {
      args: args.slice(1),
      cwd: flags.string("cwd") || undefined,
      env: flags.strings("env"),
      tty: flags.bool("tty"),
      user: flags.string("user") || undefined,
      additionalGids: flags.strings("additional-gids"),
      processLabel: undefined,
      apparmor: undefined,
      noNewPrivileges: undefined,
      capabilities: flags.strings("cap"),
    }, QUIET);
  }
  return "taken";
}
