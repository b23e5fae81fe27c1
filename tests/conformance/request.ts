/**
 * The command line of `./x conformance`.
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";

export const USAGE = `usage: ./x conformance DIR [--reference PATH] [--only TEXT]... [--timeout SECONDS]
                         [--format table|json]

Runs the test programs below DIR against dist/tsrun, or the runtime that TSRUN names: the OCI runtime-tools'
validation programs (*.t), runc's tests for bats (*.bats), crun's tests (test_*.py). DIR is the suite's own
directory, in which the suite and what it needs have been built; see tests/conformance/README.md.

  --reference PATH  another runtime that the programs are run with too; what differs is told
  --only TEXT       programs whose path holds the text; may be repeated
  --timeout SECONDS for each program with each runtime (default 600)
  --format FORMAT   table (default) or json

Exit status: 0, or 1 when a case fails that the reference passes, or when any case fails without a reference,
or 2 when nothing could be run.`;

/** What the command line asks for. */
export interface Request {
  /** Absolute. */
  directory: string;
  reference: string | undefined;
  only: string[];
  seconds: number;
  format: "table" | "json";
}

const USUAL_SECONDS = "600";

/** The real path of a file or directory. @throws {Error} where it is none, with the argument's name. */
function existing(what: string, path: string, isFile: boolean): string {
  try {
    const real = Deno.realPathSync(path);
    if (Deno.statSync(real).isFile === isFile) return real;
  } catch {
    // The error is the same.
  }
  throw new Error(`${what} ${path}: no such ${isFile ? "file" : "directory"}`);
}

/**
 * Reads the arguments.
 *
 * @returns Undefined where help is asked for.
 * @throws {Error} where they cannot be followed.
 */
export function readRequest(args: string[]): Request | undefined {
  const flags = parseArgs(args, {
    string: ["reference", "only", "timeout", "format"],
    boolean: ["help"],
    collect: ["only"],
    alias: { help: "h" },
    unknown(word: string) {
      if (word.startsWith("-")) throw new Error(`unknown flag ${word} (--help tells the flags)`);
    },
  });
  if (flags.help) return undefined;
  if (flags._.length !== 1) throw new Error("give one directory with a suite (--help tells more)");
  const { timeout = USUAL_SECONDS, format = "table" } = flags;
  if (!/^[1-9]\d{0,5}$/.test(timeout)) throw new Error(`--timeout ${timeout}: not a number of seconds`);
  if (format !== "table" && format !== "json") throw new Error(`--format ${format}: not table or json`);
  return {
    directory: existing("the suite's directory", String(flags._[0]), false),
    reference: flags.reference === undefined ? undefined : existing("--reference", flags.reference, true),
    only: flags.only,
    seconds: Number(timeout),
    format,
  };
}
