/**
 * `./x build`: writes dist/tsrun, one executable file.
 *
 * Where `denort` is to be had (in DENORT_BIN, or by download) that is a program compiled by Deno; else it is
 * the same bundle behind a small program that starts the pinned Deno. TSRUN_KIND=bundle asks for the latter,
 * TSRUN_KIND=compiled for nothing else than the former. TSRUN_OUT names another file than dist/tsrun;
 * TSRUN_COMPILER a Deno that compiles in the place of the pinned one, to try a DENORT_BIN of another version;
 * TSRUN_ARCH another architecture to compile for, whose program cannot be tried here; TSRUN_WARM=no leaves
 * the cache of a bundle as it is.
 * @module
 */
import type { BuildInfo, BuildKind } from "../runtime/host/build_info.ts";
import { compiledMain, warmCompiled, withEntry } from "./compiled.ts";
import type { Architecture } from "./entry.ts";
import { denoToRun, prelinkProgram, replaceFile } from "./deno.ts";
import { bundleFile, CACHED_FLAG, LAZY_FLAGS, V8_FLAGS } from "./launcher.ts";
import { link } from "./link.ts";
import type { Chunk } from "./module_body.ts";
import { USUAL, usualModules } from "./usual.ts";
import { engineCodeOf, keepSnapshot, PRELOAD } from "./snapshot/of_bundle.ts";
import { keepSnapshotOfCompiled } from "./snapshot/of_compiled.ts";
import { warmCache } from "./warm.ts";

const TOP = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const ENTRY = "main.js";
/** What is built. */
const TARGET = Deno.env.get("TSRUN_OUT") ?? `${TOP}/dist/tsrun`;
const COMPILER = Deno.env.get("TSRUN_COMPILER") ?? Deno.execPath();
/** Options for the modules of others. */
const IMPORTS: readonly string[] = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ??
  [];
/** `x86_64` or `aarch64`. */
const ARCH = Deno.env.get("TSRUN_ARCH") ?? Deno.build.arch;
/** Long enough for 45 MB over a slow line; no name server answers "no such host" in no time. */
const DOWNLOAD_SECONDS = 180;

/** Runs a program and returns its output, or an error with the last thing it said. */
async function output(program: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const signal = AbortSignal.timeout(DOWNLOAD_SECONDS * 1000);
  const child = await new Deno.Command(program, { args, cwd: TOP, env: { ...env, NO_COLOR: "1" }, signal })
    .output();
  if (child.success) return new TextDecoder().decode(child.stdout);
  const said = new TextDecoder().decode(child.stderr).trim();
  throw new Error(said === "" ? `${program} ended with ${child.signal ?? child.code}` : said);
}

/** The commit of the tree, `-dirty` where files differ from it; empty without git. */
async function commitOfTree(): Promise<string> {
  try {
    const commit = (await output("git", ["rev-parse", "HEAD"])).trim();
    const changes = await output("git", ["status", "--porcelain", "--untracked-files=no"]);
    return changes === "" ? commit : `${commit}-dirty`;
  } catch {
    return "";
  }
}

/** Paths of all files below a directory, relative to it. */
function filesBelow(dir: string, prefix = ""): string[] {
  return [...Deno.readDirSync(`${dir}/${prefix}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(dir, `${prefix}${name}/`) : [`${prefix}${name}`]
  );
}

/**
 * Bundles main.ts: minified chunks, one for each module that is loaded on demand. The usual ones are named as
 * entry points too, which changes nothing but the names of their chunks.
 */
async function bundle(dir: string): Promise<Chunk[]> {
  await output(Deno.execPath(), [
    ...["bundle", "--quiet", "--platform=deno", "--minify", "--code-splitting", `--outdir=${dir}`],
    ...IMPORTS,
    "main.ts",
    ...usualModules(USUAL),
    PRELOAD,
  ]);
  return filesBelow(dir).map((name) => ({ name, code: Deno.readTextFileSync(`${dir}/${name}`) }));
}

/** Writes what a compiled program runs to take its own snapshot: one text without imports. */
async function bundleTaker(file: string): Promise<void> {
  const flags = ["bundle", "--quiet", "--platform=deno", "--minify", `--output=${file}`];
  await output(Deno.execPath(), [...flags, ...IMPORTS, "build/snapshot/own.ts"]);
}

/** Compiles a linked bundle. The error of the promise says why that cannot be done here. */
async function compile(text: string, dir: string, target: string): Promise<void> {
  const source = `${dir}/tsrun.js`, data = `${dir}/tsrun.chunks`, point = `${dir}/tsrun.point`;
  Deno.writeTextFileSync(source, compiledMain("tsrun.chunks", "tsrun.point", "tsrun.take"));
  Deno.writeTextFileSync(data, text);
  Deno.writeTextFileSync(point, engineCodeOf(text));
  await bundleTaker(`${dir}/tsrun.take`);
  const flags = [
    "--quiet",
    "--allow-all",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    "--no-check",
  ];
  const v8 = [...V8_FLAGS, CACHED_FLAG].join(",");
  await output(COMPILER, [
    ...[
      "compile",
      ...(ARCH === Deno.build.arch ? [] : [`--target=${ARCH}-unknown-linux-gnu`]),
      ...flags,
      `--include=${data}`,
      `--include=${point}`,
      `--include=${dir}/tsrun.take`,
      `--v8-flags=${v8}`,
      `--output=${target}`,
    ],
    source,
  ]);
  replaceFile(target, withEntry(Deno.readFileSync(target), text, ARCH as Architecture), 0o755);
}

/** The last of the causes that Deno lists under an error, else its first line. */
function rootCause(error: unknown): string {
  const message = error instanceof Error ? error.message : `${error}`;
  return [...message.matchAll(/^ +\d+: (?!<unknown>)(.+)$/gm)].at(-1)?.[1] ?? message.split("\n")[0];
}

/** Why there is no compiled program, or undefined where there is one now. */
async function tryCompile(text: string, dir: string): Promise<string | undefined> {
  if (Deno.env.get("TSRUN_KIND") === "bundle") return "TSRUN_KIND=bundle asks for it";
  const target = `${dir}/tsrun`;
  try {
    await compile(text, dir, target);
  } catch (error) {
    if (Deno.env.has("DENORT_BIN") || Deno.env.get("TSRUN_KIND") === "compiled") throw error;
    return `DENORT_BIN is not set, and denort cannot be downloaded: ${rootCause(error)}`;
  }
  if (ARCH === Deno.build.arch) prelinkProgram(target);
  Deno.renameSync(target, TARGET);
  if (ARCH !== Deno.build.arch) return undefined;
  await warmCompiled(TARGET);
  console.log(`started engine: ${await keepSnapshotOfCompiled(TARGET)}`);
  return undefined;
}

/** Version of the Deno that compiles. */
async function compilerVersion(): Promise<string> {
  return /^deno (\S+)/.exec(await output(COMPILER, ["--version"]))?.[1] ?? "";
}

/** Runs what was built with nothing in its environment: it must name its kind and its Deno. */
async function checkResult(kind: BuildKind): Promise<void> {
  const child = await new Deno.Command(TARGET, { args: ["--version"], clearEnv: true, cwd: "/" }).output();
  const said = new TextDecoder().decode(child.stdout);
  if (!child.success || !said.includes(`kind: ${kind}\n`)) {
    throw new Error(`${TARGET} does not run: ${said}${new TextDecoder().decode(child.stderr)}`);
  }
  const version = kind === "compiled" ? await compilerVersion() : Deno.version.deno;
  if (!said.includes(`deno: ${version}\n`)) {
    throw new Error(`${TARGET} is not of Deno ${version}: DENORT_BIN is of another version`);
  }
}

async function main(): Promise<void> {
  const place = TARGET.slice(0, TARGET.lastIndexOf("/"));
  Deno.mkdirSync(place, { recursive: true });
  // Beside the result, so that a rename is enough.
  const dir = Deno.makeTempDirSync({ dir: place, prefix: "build-" });
  try {
    const chunks = await bundle(`${dir}/chunks`);
    const { version } = JSON.parse(Deno.readTextFileSync(`${TOP}/deno.json`));
    const info = { version, commit: await commitOfTree() };
    const linked = (kind: BuildKind) =>
      // The cache of a compiled program is read as a whole.
      link(chunks, ENTRY, USUAL, { ...info, kind } satisfies BuildInfo, kind === "bundle");
    const size = `${Math.round(linked("bundle").length / 1024)} KB of JavaScript in ${chunks.length} chunks`;
    const name = TARGET.startsWith(`${TOP}/`) ? TARGET.slice(TOP.length + 1) : TARGET;
    const reason = await tryCompile(linked("compiled"), dir);
    if (reason === undefined) {
      if (ARCH === Deno.build.arch) await checkResult("compiled");
      console.log(`${name}: a compiled program, ${size}`);
      return;
    }
    const deno = denoToRun(Deno.execPath(), `${TOP}/.deno/${Deno.version.deno}/deno-prelinked`);
    const text = linked("bundle");
    const { flags, note } = Deno.env.get("TSRUN_WARM") === "no"
      ? { flags: LAZY_FLAGS, note: "as it is (TSRUN_WARM=no)" }
      : await warmCache(text, deno.path);
    replaceFile(TARGET, bundleFile(deno.path, text, undefined, { flags }), 0o755);
    await checkResult("bundle");
    console.log(`${name}: an executable bundle, ${size}, run by ${deno.path}, ${deno.note}`);
    console.log(`cache of compiled code: ${note}`);
    console.log(`started engine: ${await keepSnapshot(TARGET, text, deno.path)}`);
    console.log(`why not a compiled program: ${reason}`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
