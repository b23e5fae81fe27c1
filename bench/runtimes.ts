/**
 * The programs that are compared: tsrun, the runtimes of the distribution, and the floor, which is the
 * empty Deno program in the shape that tsrun has.
 */
import { fromFileUrl } from "@std/path/posix";

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

/** The runtimes that are installed here, and a note for each that is not. */
export function findRuntimes(): { runtimes: Runtime[]; notes: string[] } {
  const runtimes: Runtime[] = [];
  const notes: string[] = [];
  for (const name of RUNTIME_NAMES) {
    const path = name === "tsrun" ? tsrunPath() : findProgram(name);
    if (path !== undefined && isFile(path)) {
      runtimes.push({ name, path, version: outputOf(path, "--version").split("\n").slice(0, 8).join("; ") });
    } else notes.push(name === "tsrun" ? `tsrun is not built: no file ${path}` : `${name} is not installed`);
  }
  return { runtimes, notes };
}

/** The first bytes of a file as text, one character per byte. */
function headOf(path: string, length: number): string {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(length);
  const count = file.readSync(bytes) ?? 0;
  return String.fromCharCode(...bytes.subarray(0, count));
}

/** The interpreter line of a script, or undefined for anything else. */
export function interpreterLine(head: string): string | undefined {
  return head.startsWith("#!") ? head.split("\n", 1)[0] : undefined;
}

/**
 * Makes the floor in `directory`. A bundle gets an empty script under its own interpreter line, so that
 * the same Deno starts with the same flags; a compiled tsrun gets an empty program compiled with the
 * same `denort`, where one is at hand; `TSRUN_FLOOR` names a ready one. Else it is `deno run` of an empty file.
 */
export function makeFloor(directory: string, tsrun: string | undefined): Floor {
  const given = Deno.env.get("TSRUN_FLOOR");
  if (given !== undefined) return { argv: [given], how: `the program of TSRUN_FLOOR, ${given}` };
  const script = `${directory}/empty.js`;
  Deno.writeTextFileSync(script, "");
  if (tsrun !== undefined) {
    const line = interpreterLine(headOf(tsrun, 512));
    if (line?.includes("deno")) {
      const path = `${directory}/empty`;
      Deno.writeTextFileSync(path, `${line}\n`, { mode: 0o755 });
      return { argv: [path], how: `an empty script under tsrun's own first line: ${line}` };
    }
    const compiled = line === undefined ? compileEmpty(script, `${directory}/empty`) : undefined;
    if (compiled !== undefined) return compiled;
  }
  const argv = [Deno.execPath(), "run", "--no-config", "--no-lock", "--cached-only", script];
  return { argv, how: `deno run of an empty file (${Deno.version.deno})` };
}

/** An empty program compiled as tsrun is, or undefined where there is no `denort`. */
function compileEmpty(script: string, output: string): Floor | undefined {
  if (Deno.env.get("DENORT_BIN") === undefined) return undefined;
  const args = ["compile", "--no-config", "--no-code-cache", "--output", output, script];
  const { success } = new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "null" })
    .outputSync();
  return success ? { argv: [output], how: "an empty program, compiled with the same denort" } : undefined;
}
