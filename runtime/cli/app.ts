/**
 * Takes a command line to an exit status.
 * @module
 */
import { codeOf, ownError, reasonOf, RuntimeError, TsrunError } from "../../ffi/errors.ts";
import { printable } from "../../ffi/printable.ts";
import { callerVariable } from "../host/caller.ts";
import { Log, writeText } from "../host/log.ts";
import { mark, traceTo } from "../host/trace.ts";
import type { Command, GlobalOptions } from "./command.ts";
import { allCommands, loadCommand } from "./commands.ts";
import { type FlagValues, type ParsedLine, parseFlags, UsageError } from "./flags.ts";
import { GLOBAL_FLAGS, readGlobals } from "./globals.ts";
import type { Tracing } from "./tracing/tracing.ts";

/** runc's exit status for an unknown command. */
const NO_SUCH_COMMAND = 3;

/**
 * Runs one command line. Every failure ends as one record in the log.
 *
 * @param argv Without the program's name.
 * @returns The exit status.
 */
export async function runApp(argv: readonly string[]): Promise<number> {
  // Until --log is known, failures can only go to standard error.
  let log = new Log({ format: "text", debug: false });
  let tracing: Tracing | undefined;
  const called: Called = { name: "", id: "" };
  let status: number;
  try {
    const line = await parseGlobals(argv);
    if (line.flags.bool("version")) return await printVersion();
    const [name, ...rest] = line.args;
    if (line.help || name === undefined) return await printHelp();
    const global = readGlobals(line.flags);
    log = await openLog(global);
    if (global.debug) traceTo((text, place) => log.debug(text, place));
    tracing = await startTracing(line.flags);
    mark("command line read", "runtime/cli/app.ts runApp");
    status = name === "help" || name === "h"
      ? await printHelp(rest[0])
      : await runCommand(name, rest, { global, log, called });
  } catch (error) {
    status = fail(log, error);
  }
  if (tracing) await endTracing(tracing, called, status, log);
  return status;
}

/** The command that runs, for its trace. */
interface Called {
  name: string;
  /** Its container; empty where it has none. */
  id: string;
}

async function startTracing(flags: FlagValues): Promise<Tracing | undefined> {
  const path = flags.string("trace") || callerVariable("TSRUN_TRACE");
  if (!path) return undefined;
  const { Tracing } = await import("./tracing/tracing.ts");
  try {
    return new Tracing(path, flags.string("trace-format"));
  } catch (error) {
    // A variable of the environment is not the command line of this command, so it does not fail it.
    if (flags.has("trace")) throw error;
    writeText(Deno.stderr, `TSRUN_TRACE: ${printable(reasonOf(error))}\n`);
    return undefined;
  }
}

/** Writes the trace. A command that fails writes one record, so the warning is none then. */
async function endTracing(tracing: Tracing, { name, id }: Called, status: number, log: Log): Promise<void> {
  const problem = await tracing.end(name, id, status);
  if (problem === undefined) return;
  if (status === 0) log.warn(problem, "runtime/cli/app.ts endTracing");
  else writeText(Deno.stderr, `${printable(problem)}\n`);
}

/** The log of a command. `journald:` and `syslog:` before a name, and `file:` before a path, are crun's. */
async function openLog({ log, logFormat: format, debug }: GlobalOptions): Promise<Log> {
  if (!/^(journald|syslog):/.test(log)) return new Log({ file: log.replace(/^file:/, ""), format, debug });
  const [{ openLogSocket }, { local }] = await Promise.all([
    import("../host/log_socket.ts"),
    import("../../ffi/local.ts"),
  ]);
  return new Log({ service: openLogSocket(local(), log), format, debug });
}

async function parseGlobals(argv: readonly string[]): Promise<ParsedLine> {
  try {
    return parseFlags(GLOBAL_FLAGS, argv, { stopAtOperand: true });
  } catch (error) {
    if (error instanceof UsageError) {
      writeText(Deno.stdout, `Incorrect Usage. ${error.message}\n\n`);
      await printHelp();
    }
    throw error;
  }
}

async function runCommand(
  name: string,
  argv: readonly string[],
  { global, log, called }: { global: GlobalOptions; log: Log; called: Called },
): Promise<number> {
  const command = await loadCommand(name);
  if (command === undefined) return await noSuchCommand(name);
  mark(`command ${name} loaded`, "runtime/cli/app.ts runCommand");
  let line: ParsedLine;
  try {
    line = parseFlags(command.flags, argv, { ...command, dropDashes: true });
    if (line.help) return await printHelp(name);
    checkArgs(command, line.args.length);
    called.name = name;
    if (command.operands.startsWith("<container-id>")) called.id = line.args[0];
  } catch (error) {
    if (error instanceof UsageError) await explain(command, error);
    throw error;
  }
  const status = await command.run({
    global,
    flags: line.flags,
    args: line.args,
    log,
    commands: allCommands,
  });
  mark(`command ${name} done`, "runtime/cli/app.ts runCommand");
  return status;
}

/** @throws {WrongArgumentCount} */
function checkArgs(command: Command, count: number): void {
  const { name, minArgs, maxArgs } = command;
  const complain = (wanted: string) =>
    new WrongArgumentCount(`tsrun: "${name}" requires ${wanted} argument(s)`);
  if (minArgs === maxArgs && count !== minArgs) throw complain(`exactly ${minArgs}`);
  if (count < minArgs) throw complain(`a minimum of ${minArgs}`);
  if (count > maxArgs) throw complain(`a maximum of ${maxArgs}`);
}

/** Too many operands or too few. */
class WrongArgumentCount extends UsageError {}

async function explain(command: Command, error: UsageError): Promise<void> {
  const { commandHelp } = await import("./usage.ts");
  const reason = error instanceof WrongArgumentCount ? "." : `: ${error.message}`;
  writeText(Deno.stdout, `Incorrect Usage${reason}\n\n${commandHelp(command)}`);
}

async function noSuchCommand(name: string): Promise<never> {
  await printHelp();
  throw new RuntimeError("EINVAL_COMMAND", `No help topic for '${name}'`, NO_SUCH_COMMAND);
}

async function printHelp(name?: string): Promise<number> {
  const { commandHelp, programHelp } = await import("./usage.ts");
  if (name !== undefined) {
    const command = await loadCommand(name);
    if (command === undefined) return await noSuchCommand(name);
    writeText(Deno.stdout, commandHelp(command));
    return 0;
  }
  const { versionText } = await import("./version.ts");
  writeText(Deno.stdout, programHelp(await allCommands(), GLOBAL_FLAGS, await versionText()));
  return 0;
}

async function printVersion(): Promise<number> {
  const { versionText } = await import("./version.ts");
  writeText(Deno.stdout, `tsrun version ${await versionText()}`);
  return 0;
}

/** Reports a failure. No other code does. */
function fail(log: Log, caught: unknown): number {
  const error = ownError(caught);
  if (error instanceof Error && error.stack !== undefined) log.debug(error.stack, "runtime/cli/app.ts fail");
  if (error instanceof RuntimeError) {
    log.error(error.message, error.code, "runtime/cli/app.ts fail");
    return error.exitCode;
  }
  // tsrun's own errors say what they are about. Any other error is a mistake of the program.
  const expected = error instanceof TsrunError;
  log.error(
    expected ? reasonOf(error) : `internal error: ${reasonOf(error)}`,
    codeOf(error),
    "runtime/cli/app.ts fail",
  );
  return 1;
}
