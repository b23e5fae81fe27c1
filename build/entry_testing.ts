/**
 * Starts the entry, as a program of any architecture that this machine can run, and tells what came of it.
 * @module
 */
import { type Architecture, entryProgram, type EntryTable } from "./entry.ts";

/** Architectures that there is an entry for. */
export const ARCHES: readonly Architecture[] = ["x86_64", "aarch64"];
/** How binutils name them. */
export const GNU = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" } as const;

/** Where the sources are. */
export const HERE = new URL(".", import.meta.url).pathname;

function find(...paths: string[]): string | undefined {
  return paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A program of GNU binutils for an architecture; the native ones may have no prefix. */
export function binutil(arch: Architecture, tool: string): string | undefined {
  return find(
    `/usr/bin/${GNU[arch]}-${tool}`,
    ...(arch === Deno.build.arch ? [`/usr/bin/${tool}`] : []),
  );
}

/** Runs a tool that must succeed. */
export function runTool(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

/** What runs a program of an architecture; undefined where nothing can. */
export function runnerOf(arch: Architecture): string[] | undefined {
  if (arch === Deno.build.arch) return [];
  const emulator = find(`/usr/bin/qemu-${arch}-static`, `/usr/bin/qemu-${arch}`);
  return emulator ? [emulator] : undefined;
}

/** An engine that tells its arguments, its environment and its directory, a line each. */
const TELLS = `for a in "$0" "$@"; do echo "<$a>"; done; tr '\\0' '\\n' </proc/$$/environ; pwd -P`;
/** A table with that engine. */
export const TABLE: EntryTable = {
  engine: "/bin/sh",
  args: ["sh", "-c", TELLS],
  variables: ["HOME=/proc", "LAST=1"],
  limits: [],
  failure: "cannot start",
  noProcess: "no process",
};

/** How the entry is started. */
export interface Start {
  /** Commands of a shell that starts it then. */
  before?: string;
  args?: readonly string[];
  env?: Record<string, string>;
  as?: number;
}

/** Starts the entry. @returns Exit status, output and error output. */
export function startEntry(arch: Architecture, table: EntryTable, how: Start = {}): [number, string, string] {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(dir, 0o755);
    const file = `${dir}/entry`;
    Deno.writeFileSync(file, entryProgram(table, arch), { mode: 0o755 });
    const { before, args = [], env = {}, as } = how;
    const shell = before === undefined ? [] : ["/bin/bash", "-c", `${before}; exec "$@"`, "bash"];
    const [program, ...words] = [...shell, ...runnerOf(arch)!, file, ...args];
    const { code, stdout, stderr } = new Deno.Command(program, {
      args: words,
      clearEnv: true,
      env,
      cwd: "/usr",
      ...(as === undefined ? {} : { uid: as, gid: as }),
    }).outputSync();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(file, "FILE");
    return [code, text(stdout), text(stderr)];
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}
