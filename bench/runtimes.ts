/**
 * The programs that are compared: tsrun, the runtimes of the distribution, and the floor, which is the
 * empty Deno program in the shape that tsrun has.
 */
import { fromFileUrl } from "@std/path/posix";
import { engineOfProgram } from "../build/entry.ts";
import { DENO_FLAGS, launcher, moduleUrl, V8_FLAGS } from "../build/launcher.ts";

/** A runtime under measurement. */
export interface Runtime {
  name: string;
  /** Absolute path of the executable. */
  path: string;
  /** First lines of `--version`. */
  version: string;
}

/** The empty Deno program. */
export interface Floor {
  argv: string[];
  /** What it is, for the report. */
  how: string;
}

/** Names of the runtimes in the order of the report. */
export const RUNTIME_NAMES = ["tsrun", "runc", "crun"];

const SYSTEM_PATHS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** What runtimes get as their environment: what dockerd's shim has, and nothing of the user's shell. */
export const ENVIRONMENT = { PATH: SYSTEM_PATHS.join(":") };

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Absolute path of a program of the system, or undefined. */
export function findProgram(name: string): string | undefined {
  return SYSTEM_PATHS.map((directory) => `${directory}/${name}`).find(isFile);
}

/** The file to be measured as tsrun: `TSRUN`, or what `./x build` has made. */
export function tsrunPath(): string {
  return Deno.env.get("TSRUN") ?? fromFileUrl(new URL("../dist/tsrun", import.meta.url));
}

/** Output of a program, trimmed; its error output if there is no other. */
export function outputOf(path: string, ...args: string[]): string {
  const { stdout, stderr } = new Deno.Command(path, { args, clearEnv: true, env: ENVIRONMENT }).outputSync();
  const text = new TextDecoder();
  return text.decode(stdout).trim() || text.decode(stderr).trim();
}

/**
 * The runtimes that are here, and a note for each that is not.
 *
 * @param given Paths by names: of runtimes that are not installed, or in the place of those that are.
 */
export function findRuntimes(
  given: Readonly<Record<string, string>> = {},
): { runtimes: Runtime[]; notes: string[] } {
  const runtimes: Runtime[] = [];
  const notes: string[] = [];
  for (const name of new Set([...RUNTIME_NAMES, ...Object.keys(given)])) {
    const path = given[name] ?? (name === "tsrun" ? tsrunPath() : findProgram(name));
    if (path !== undefined && isFile(path)) {
      runtimes.push({ name, path, version: outputOf(path, "--version").split("\n").slice(0, 8).join("; ") });
    } else notes.push(path ? `${name} is not built: no file ${path}` : `${name} is not installed`);
  }
  return { runtimes, notes };
}

/** Bytes of a bundle in which the path of its engine is: it lies behind the prepared commands. */
const HEAD = 1 << 17;

/** The first bytes of a file. */
function headOf(path: string, length: number): Uint8Array {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, file.readSync(bytes) ?? 0);
}

/**
 * Makes the floor in `directory`. A bundle gets its own launcher with an empty module, so that the same
 * Deno starts with the same flags; a compiled tsrun gets an empty program compiled as it was;
 * `TSRUN_FLOOR` names a ready one. Else it is `deno run` of an empty file, and the report says so.
 */
export async function makeFloor(directory: string, tsrun: string | undefined): Promise<Floor> {
  const given = Deno.env.get("TSRUN_FLOOR");
  if (given !== undefined) return { argv: [given], how: `the program of TSRUN_FLOOR, ${given}` };
  const [script, program] = [`${directory}/empty.js`, `${directory}/empty`];
  Deno.writeTextFileSync(script, "");
  const head = tsrun === undefined ? new Uint8Array() : headOf(tsrun, HEAD);
  const engine = engineOfProgram(head);
  if (engine !== undefined) {
    Deno.writeFileSync(program, launcher(engine, moduleUrl("")), { mode: 0o755 });
    return { argv: [program], how: "an empty module behind the launcher of tsrun itself" };
  }
  if (head[0] === 0x7f && await compileEmpty(script, program)) {
    return { argv: [program], how: `an empty program, compiled as tsrun is (${Deno.version.deno})` };
  }
  const argv = [Deno.execPath(), "run", ...DENO_FLAGS, script];
  return { argv, how: `deno run of an empty file (${Deno.version.deno})` };
}

/** How long `deno compile` may try to download its runtime. */
const COMPILE_TIMEOUT = 120_000;

/** Compiles an empty program; false where that cannot be done. */
async function compileEmpty(script: string, output: string): Promise<boolean> {
  const flags = ["--allow-all", "--no-config", "--no-lock", "--no-check", "--no-code-cache"];
  const args = ["compile", ...flags, `--v8-flags=${V8_FLAGS.join(",")}`, `--output=${output}`, script];
  const signal = AbortSignal.timeout(COMPILE_TIMEOUT);
  const end = await new Deno.Command(Deno.execPath(), { args, signal, stdout: "null", stderr: "null" })
    .output();
  return end.success;
}
