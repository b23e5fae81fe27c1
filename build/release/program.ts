/**
 * The program of a release, for one architecture and below one prefix: what `./x build` makes, or the bundle
 * with the pinned Deno of that architecture.
 * @module
 */
import type { Architecture } from "../entry.ts";
import { copyAtFixedAddress } from "../deno.ts";
import { bundleFile, DENO_FLAGS, textOfBundle } from "../launcher.ts";
import type { BuildKind } from "../../runtime/host/build_info.ts";
import { MACHINES, pinnedDeno } from "./engine.ts";
import type { Entry } from "./tree.ts";

const TOP = new URL("../..", import.meta.url).pathname;

/** What a release is made of. */
export interface Program {
  kind: Exclude<BuildKind, "source">;
  arch: Architecture;
  /** The files below a prefix such as `/usr`. */
  files(prefix: string): Entry[];
  /** The engine: of a bundle a file of its own, else the program itself. */
  engine: Uint8Array<ArrayBuffer>;
  /** What is to be said about it, a line each. */
  notes: readonly string[];
}

/** Runs `./x build`'s program. @throws {Error} with what it said. */
async function build(out: string, env: Record<string, string>): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${TOP}build/build.ts`],
    cwd: TOP,
    // Neither a snapshot of the engine: it is for one host.
    env: { ...env, TSRUN_OUT: out, TSRUN_SNAPSHOT: "no" },
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

/**
 * An address for all installations of a release. `./x install` draws one for each installation, by chance;
 * what is the same bytes for the same commit cannot.
 */
async function addressOf(seed: string): Promise<number> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(seed)));
  return 2 ** 36 + (new DataView(digest.buffer).getUint32(0) % 2 ** 20) * 2 ** 16;
}

/** Gives an engine a fixed address, where it can be tried. */
async function sooner(path: string, arch: Architecture, seed: string, args: string[]): Promise<string> {
  if (arch !== Deno.build.arch) return "as it came: what is for another machine cannot be tried here";
  return copyAtFixedAddress(path, await addressOf(`${seed} ${arch}`), args);
}

/** The compiled kind. @throws {Error} where denort cannot be had. */
async function compiledProgram(dir: string, arch: Architecture, seed: string): Promise<Program> {
  const out = `${dir}/compiled-${arch}`;
  await build(out, { TSRUN_KIND: "compiled", TSRUN_PRELINK: "no", TSRUN_ARCH: arch });
  const note = await sooner(out, arch, seed, ["--version"]);
  const engine = Deno.readFileSync(out);
  if (engine[18] !== MACHINES[arch]) throw new Error(`what was compiled is no program for ${arch}`);
  return {
    kind: "compiled",
    arch,
    engine,
    files: () => [
      { path: "lib/tsrun/tsrun", content: engine, mode: 0o755 },
      { path: "bin/tsrun", link: "../lib/tsrun/tsrun" },
    ],
    notes: [`a compiled program, ${note}`],
  };
}

async function bundledProgram(dir: string, arch: Architecture, seed: string): Promise<Program> {
  const out = `${dir}/bundle`, copy = `${dir}/deno-${arch}`;
  await build(out, { TSRUN_KIND: "bundle", TSRUN_PRELINK: "no", TSRUN_WARM: "no" });
  const text = textOfBundle(Deno.readFileSync(out));
  if (text === undefined) throw new Error(`${out} is no bundle`);
  Deno.copyFileSync(await pinnedDeno(arch, dir), copy);
  const note = await sooner(copy, arch, seed, ["eval", "console.log(Deno.version)"]);
  const engine = Deno.readFileSync(copy);
  return {
    kind: "bundle",
    arch,
    engine,
    files: (prefix) => [
      {
        path: "bin/tsrun",
        content: bundleFile(`${prefix}/lib/tsrun/deno`, text, undefined, { flags: DENO_FLAGS, arch }),
        mode: 0o755,
      },
      { path: "lib/tsrun/deno", content: engine, mode: 0o755 },
    ],
    notes: [`a bundle, with Deno ${Deno.version.deno}, ${note}`],
  };
}

/**
 * Makes the program: compiled where that can be done, else a bundle, with the reason.
 *
 * @param dir For what is made on the way.
 * @param seed The same for the same commit.
 */
export async function makeProgram(
  dir: string,
  arch: Architecture,
  seed: string,
  kind?: Program["kind"],
): Promise<Program> {
  if (kind === "bundle") return await bundledProgram(dir, arch, seed);
  try {
    return await compiledProgram(dir, arch, seed);
  } catch (error) {
    if (Deno.env.has("DENORT_BIN")) throw error;
    const said = error instanceof Error ? error.message : `${error}`;
    const cause = [...said.matchAll(/^ +\d+: (?!<unknown>)(.+)$/gm)].at(-1)?.[1] ?? said.split("\n")[0];
    if (kind === "compiled") {
      const wanted = `denort of Deno ${Deno.version.deno}`;
      throw new Error(
        `a compiled program for ${arch} cannot be made: ${cause} (name a ${wanted} for it in DENORT_BIN, or take --kind=bundle)`,
      );
    }
    const program = await bundledProgram(dir, arch, seed);
    return {
      ...program,
      notes: [...program.notes, `not a compiled program, as denort cannot be had: ${cause}`],
    };
  }
}
