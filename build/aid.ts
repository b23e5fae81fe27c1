/**
 * An aid to try the compiled kind where the pinned `denort` cannot be downloaded. Never shipped.
 *
 * A program on npm was compiled with Deno 2.7.11: cut off behind its own headers it is that version's plain
 * `denort`, and the Deno of that version, on npm too, compiles with it. That engine starts 15 ms later than
 * the pinned one; the rest is alike.
 * @module
 */
import { replaceFile } from "./deno.ts";
import type { Architecture } from "./entry.ts";
import { endOfProgram } from "./inject.ts";

const TOP = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const VERSION = "2.7.11";
const DENO = "@deno/linux-x64-glibc";
const PROGRAMS: Readonly<Record<Architecture, string>> = {
  x86_64: "@stdy/cli-linux-x64@0.22.2",
  aarch64: "@stdy/cli-linux-arm64@0.22.2",
};
/** Long enough for 90 MB over a slow line. */
const FETCH_SECONDS = 240;

/** A `denort` and the Deno of its version. */
export interface Aid {
  denort: string;
  deno: string;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Unpacks a package's files into `dir`; npm checks its digest. */
async function unpack(name: string, dir: string): Promise<void> {
  const flags = ["--silent", "--cache", `${dir}/npm`, "--fetch-retries=1", "--pack-destination", dir];
  const signal = AbortSignal.timeout(FETCH_SECONDS * 1000);
  const run = async (program: string, args: string[]) => {
    const { success, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null", signal })
      .output();
    const said = new TextDecoder().decode(stderr).trim().split("\n")[0];
    if (!success) throw new Error(`${program} ${args[0]} ${name}: ${said}`);
    return new TextDecoder().decode(stdout).trim();
  };
  const archive = `${dir}/${await run("npm", ["pack", ...flags, name])}`;
  await run("tar", ["-C", dir, "--no-same-owner", "--strip-components=1", "-xzf", archive]);
  Deno.removeSync(archive);
}

/**
 * Fetches the aid once. Its Deno is for x86-64, and compiles for both architectures.
 *
 * @param arch What the `denort` is for.
 * @param dir Where it is kept.
 * @throws {Error} saying why it cannot be had.
 */
export async function fetchAid(
  arch: Architecture = "x86_64",
  dir: string = `${TOP}/.deno/aid`,
): Promise<Aid> {
  if (Deno.build.arch !== "x86_64") throw new Error("the aid's Deno is a program for x86_64");
  const aid = { denort: `${dir}/denort-${VERSION}-${arch}`, deno: `${dir}/deno-${VERSION}/deno` };
  const fetched = async (file: string, name: string, use: (file: string) => void) => {
    if (isFile(file)) return;
    Deno.mkdirSync(dir, { recursive: true });
    const work = Deno.makeTempDirSync({ dir });
    try {
      await unpack(name, work);
      use(work);
    } finally {
      Deno.removeSync(work, { recursive: true });
    }
  };
  await fetched(aid.denort, PROGRAMS[arch], (work) => {
    const program = Deno.readFileSync(`${work}/bin/steady`);
    replaceFile(aid.denort, program.subarray(0, endOfProgram(program)), 0o755);
  });
  await fetched(aid.deno, `${DENO}@${VERSION}`, (work) => {
    Deno.mkdirSync(aid.deno.replace(/\/deno$/, ""), { recursive: true });
    replaceFile(aid.deno, Deno.readFileSync(`${work}/deno`), 0o755);
  });
  return aid;
}

/**
 * Builds the compiled kind with the aid.
 *
 * @param target What is written.
 * @throws {Error} with what the build said.
 */
export async function buildWithAid(aid: Aid, target: string): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${TOP}/build/build.ts`],
    cwd: TOP,
    env: { DENORT_BIN: aid.denort, TSRUN_COMPILER: aid.deno, TSRUN_OUT: target, TSRUN_KIND: "compiled" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`${text(stdout)}\n${text(stderr)}`.trim());
}
