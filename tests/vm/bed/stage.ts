/**
 * The disk that carries this checkout into the test machine: sources, what was built, Deno and its cache of
 * modules.
 * @module
 */
import { engineOfProgram } from "../../../build/entry.ts";
import { programsDir } from "../../lib/go_programs.ts";
import { exists } from "../../lib/process.ts";

const TOP = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");
/** Not needed inside, or large. */
const LEFT_OUT: readonly string[] = [".git", ".deno", "node_modules"];

/** Where built clients are, below the top. */
const CLIENTS = ".deno/clients";

/** How tests are run inside. */
export interface Stage {
  /** Raw ext4 image; its root is the checkout. */
  disk: string;
  /**
   * Where the checkout has to be mounted: where it is here, as compiled code is kept under the paths of
   * sources.
   */
  top: string;
  /** Deno in the checkout. */
  deno: string;
  /** For TSRUN_CLIENTS_CACHE. */
  clients: string;
  /** Shell commands that put everything in its place. */
  prepare: string;
}

/**
 * Makes the disk in `dir`, from the sources as they are now.
 *
 * @throws {Error} where dist/tsrun is not built, or a command fails.
 */
export function makeStage(dir: string): Stage {
  const tree = `${dir}/checkout`;
  Deno.mkdirSync(`${tree}/.deno`, { recursive: true });
  const entries = [...Deno.readDirSync(TOP)].map(({ name }) => name).filter((name) =>
    !LEFT_OUT.includes(name)
  );
  copy(entries.map((name) => `${TOP}/${name}`), tree);
  copy([Deno.env.get("DENO_DIR") ?? `${TOP}/.deno/cache`], `${tree}/.deno/cache`);
  const deno = installDeno(tree);
  // Clients that tests outside have built.
  if (exists(`${programsDir()}/bin`)) {
    Deno.mkdirSync(`${tree}/${CLIENTS}`);
    copy([`${programsDir()}/bin`], `${tree}/${CLIENTS}/bin`);
  }
  const disk = `${dir}/checkout.img`;
  call("mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", "-d", tree, disk, `${size(tree) + 200}M`);
  Deno.removeSync(tree, { recursive: true });
  const target = denoOfBundle();
  const link = target === undefined || target.startsWith(`${TOP}/`)
    ? ":"
    : `mkdir -p '${parent(target)}' && ln -s '${deno}' '${target}'`;
  return {
    disk,
    top: TOP,
    deno,
    clients: `${TOP}/${CLIENTS}`,
    prepare: `mkdir -p '${TOP}' && mount /dev/vdb '${TOP}' && ${link}`,
  };
}

/**
 * Puts the Deno of the bundle, with its compiled code, or else the running one into the tree.
 *
 * @returns Its path.
 */
function installDeno(tree: string): string {
  const version = `.deno/${Deno.version.deno}`;
  Deno.mkdirSync(`${tree}/${version}`, { recursive: true });
  const bundled = denoOfBundle();
  const inside = bundled !== undefined && parent(bundled) === `${TOP}/${version}`;
  const path = inside ? `${version}/${bundled.slice(bundled.lastIndexOf("/") + 1)}` : `${version}/deno`;
  copy([inside ? bundled : Deno.realPathSync(Deno.execPath())], `${tree}/${path}`);
  if (inside) copy([`${parent(bundled)}/tsrun-cache`], `${tree}/${version}/tsrun-cache`);
  return `${TOP}/${path}`;
}

/** The Deno of dist/tsrun; undefined of a compiled program. */
function denoOfBundle(): string | undefined {
  return engineOfProgram(Deno.readFileSync(`${TOP}/dist/tsrun`));
}

function copy(from: string[], to: string): void {
  call("cp", "-a", "--reflink=auto", "--", ...from, to);
}

function parent(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Size of a tree in MiB. */
function size(tree: string): number {
  return parseInt(call("du", "-sm", tree));
}

function call(program: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr).trim()}`);
  return new TextDecoder().decode(stdout);
}
