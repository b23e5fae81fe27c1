/**
 * What is done before a snapshot of the started engine is taken (build/snapshot/README.md), so that no
 * command of it does it again: commands are rehearsed in dry runs. V8 then has met what their code does, with
 * its own notes on each place of it, and a command runs by these from its first step on.
 *
 * Nothing may be kept in which processes, callers, hosts or moments differ. A dry run ends with the functions
 * of Deno and libc as they were. The modules' variables that it changes are put back here; preload_test.ts
 * names all variables of modules that the program has, and why each may stay.
 * @module
 */
import { libc } from "../../ffi/libc.ts";
import { LocalKernel } from "../../ffi/local.ts";
import { explain, type ExplainedCommand } from "../container/explain/explain.ts";
import { forgetCheckedRoot } from "../container/state_dir.ts";
import { forgetCaller, supposeRoot } from "../host/caller.ts";
import { Log } from "../host/log.ts";
import { loadCommand } from "./commands.ts";
import { parseFlags } from "./flags.ts";
import { GLOBAL_FLAGS } from "./globals.ts";

/** The last command of a rehearsal: those before it are made, too. */
const LAST: ExplainedCommand = "delete";

/** Nothing is there, and nothing is made there. */
const ROOT = "/run/tsrun-rehearsal";

/** Command lines as clients write them, for the flags alone. */
const LINES = [
  [
    "--root",
    ROOT,
    "--log",
    "/dev/null",
    "--log-format",
    "json",
    "create",
    "--bundle",
    "/",
    "--pid-file",
    "/p",
    "x",
  ],
  ["--root", ROOT, "exec", "--process", "/p", "--detach", "--pid-file", "/p", "x"],
  ["--root", ROOT, "exec", "x", "true"],
] as const;

/**
 * Binds libc, and rehearses the life of a container of each bundle.
 *
 * @param bundles Directories.
 * @returns Why a rehearsal was cut short, in a line each: the command would fail on this host, or for this
 * caller.
 */
export async function preload(bundles: readonly string[]): Promise<string[]> {
  libc();
  await parseLines();
  const failures: string[] = [];
  for (const bundle of bundles) {
    try {
      await rehearse(bundle);
    } catch (error) {
      failures.push(`${error}`);
    }
  }
  return failures;
}

async function parseLines(): Promise<void> {
  for (const line of LINES) {
    const { args: [name, ...rest] } = parseFlags(GLOBAL_FLAGS, line, { stopAtOperand: true });
    const command = await loadCommand(name);
    if (command !== undefined) parseFlags(command.flags, rest, { ...command, dropDashes: true });
  }
}

/** A dry run with a kernel of its own, which nobody uses afterwards. */
async function rehearse(bundle: string): Promise<void> {
  supposeRoot();
  try {
    const log = new Log({ file: "/dev/null", format: "json", debug: false });
    await explain(new LocalKernel(), LAST, {
      ...{ root: ROOT, id: "x", bundle, log, rootless: "auto", preserveFds: 0 },
      ...{ systemdCgroup: false, serviceManager: false, noPivot: false, noNewKeyring: false },
    }, []);
  } finally {
    forgetCaller();
    forgetCheckedRoot();
  }
}
