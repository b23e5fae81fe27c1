/**
 * The pinned Deno for an architecture, from npm or from Deno's own site, as `./x` gets it.
 * @module
 */
import type { Architecture } from "../entry.ts";

const TOP = new URL("../..", import.meta.url).pathname;
const NPM_NAMES: Readonly<Record<Architecture, string>> = { x86_64: "x64", aarch64: "arm64" };
/** `e_machine` of elf(5). */
export const MACHINES: Readonly<Record<Architecture, number>> = { x86_64: 62, aarch64: 183 };
const FETCH_SECONDS = 300;

/** Runs a program in a directory; undefined when it succeeded, else why not. */
async function failure(dir: string, program: string, ...args: string[]): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(FETCH_SECONDS * 1000);
    const { success, stderr } = await new Deno.Command(program, { args, cwd: dir, stdout: "null", signal })
      .output();
    return success ? undefined : `${program}: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`;
  } catch (error) {
    return `${program}: ${error instanceof Error ? error.message : error}`;
  }
}

async function byNpm(arch: Architecture, dir: string): Promise<string | undefined> {
  const name = `@deno/linux-${NPM_NAMES[arch]}-glibc@${Deno.version.deno}`;
  const cache = `--cache=${TOP}.deno/npm`;
  const why = await failure(dir, "npm", "pack", "--silent", cache, "--fetch-retries=1", name);
  if (why !== undefined) return why;
  const file = [...Deno.readDirSync(dir)].map(({ name }) => name).find((name) => name.endsWith(".tgz"));
  if (file === undefined) return `npm pack ${name} wrote no file`;
  return await failure(dir, "tar", "--no-same-owner", "--strip-components=1", "-xzf", file, "package/deno");
}

async function byCurl(arch: Architecture, dir: string): Promise<string | undefined> {
  const url = `https://dl.deno.land/release/v${Deno.version.deno}/deno-${arch}-unknown-linux-gnu.zip`;
  return await failure(dir, "curl", "-fsSL", "--connect-timeout", "15", "-o", "deno.zip", url) ??
    await failure(dir, "unzip", "-q", "-o", "deno.zip");
}

/**
 * Path of the pinned Deno for an architecture, which is fetched once.
 *
 * @param work Directory for what is fetched on the way.
 * @throws {Error} saying why it cannot be had.
 */
export async function pinnedDeno(arch: Architecture, work: string): Promise<string> {
  if (arch === Deno.build.arch) return Deno.execPath();
  const kept = `${TOP}.deno/${Deno.version.deno}/deno-${arch}`;
  try {
    if (Deno.statSync(kept).isFile) return kept;
  } catch {
    // It was not fetched yet.
  }
  const dir = Deno.makeTempDirSync({ dir: work });
  const npm = await byNpm(arch, dir);
  const curl = npm === undefined ? undefined : await byCurl(arch, dir);
  if (npm !== undefined && curl !== undefined) {
    throw new Error(`Deno ${Deno.version.deno} for ${arch} cannot be had: ${npm}; ${curl}`);
  }
  const head = Deno.readFileSync(`${dir}/deno`).subarray(0, 20);
  if (head[0] !== 0x7f || head[18] !== MACHINES[arch]) {
    throw new Error(`what was fetched is no Deno for ${arch}`);
  }
  Deno.mkdirSync(kept.replace(/\/[^/]*$/, ""), { recursive: true });
  Deno.chmodSync(`${dir}/deno`, 0o755);
  Deno.copyFileSync(`${dir}/deno`, `${kept}.part`);
  Deno.renameSync(`${kept}.part`, kept);
  return kept;
}
