/**
 * An aid to try the compiled kind where the pinned `denort` cannot be downloaded. Never shipped.
 *
 * A program on npm was compiled with Deno 2.7.11: cut off behind its own headers it is that version's plain
 * `denort`, and the Deno of that version, on npm too, compiles with it. That engine starts 15 ms later than
 * the pinned one; the rest is alike.
 * @module
 */
import { replaceFile } from "./deno.ts";
import { endOfProgram } from "./inject.ts";

const TOP = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const VERSION = "2.7.11";
const PACKAGES = { program: "@stdy/cli-linux-x64", deno: "@deno/linux-x64-glibc" } as const;
const WANTED: readonly string[] = [`${PACKAGES.program}@0.22.2`, `${PACKAGES.deno}@${VERSION}`];
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

/** Installs the packages below `dir`; npm checks their digests. */
async function fetchPackages(dir: string): Promise<void> {
  const flags = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1"];
  const { success, stderr } = await new Deno.Command("npm", {
    args: ["install", "--prefix", dir, "--cache", `${dir}/npm`, ...flags, "--loglevel=error", ...WANTED],
    stdin: "null",
    stdout: "null",
    signal: AbortSignal.timeout(FETCH_SECONDS * 1000),
  }).output();
  const said = new TextDecoder().decode(stderr).trim().split("\n")[0];
  if (!success) throw new Error(`npm install ${WANTED.join(" ")}: ${said}`);
}

/**
 * Fetches the aid once.
 *
 * @param dir Where it is kept.
 * @throws {Error} saying why it cannot be had.
 */
export async function fetchAid(dir: string = `${TOP}/.deno/aid`): Promise<Aid> {
  if (Deno.build.arch !== "x86_64") throw new Error("the aid is a program for x86_64");
  const aid = { denort: `${dir}/denort-${VERSION}`, deno: `${dir}/node_modules/${PACKAGES.deno}/deno` };
  if (isFile(aid.denort) && isFile(aid.deno)) return aid;
  Deno.mkdirSync(dir, { recursive: true });
  await fetchPackages(dir);
  const program = Deno.readFileSync(`${dir}/node_modules/${PACKAGES.program}/bin/steady`);
  replaceFile(aid.denort, program.subarray(0, endOfProgram(program)), 0o755);
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
