/**
 * The disk image of the VM part: built once with mmdebstrap, kept outside the repository under the key of its
 * recipe.
 * @module
 */
import {
  imageKey,
  mmdebstrapArguments,
  PACKAGES,
  parseSources,
  type Recipe,
  type Sources,
  TARGET_FORMAT,
} from "./recipe.ts";
import { exists } from "../../lib/process.ts";

/** Files of a built image. */
export interface Image {
  /** Raw ext4 root file system; it is booted from copies on write. */
  disk: string;
  kernel: string;
  ramdisk: string;
  /** Private key that opens root@ and tester@. */
  key: string;
}

const HERE = new URL(".", import.meta.url).pathname;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const BUILD_LIMIT_SECONDS = 420;
/** Archives are far away, and one try in many meets a line that is down. */
const TRIES = 2;

/**
 * Where the archives that apt knows cannot be read: nothing can be built, and that says nothing about the
 * tests.
 */
export class ArchiveUnreachable extends Error {}

/** Programs that building and booting need, by the Debian package that brings them. */
const PROGRAMS: Record<string, string> = {
  "qemu-system-x86_64": "qemu-system-x86",
  "mmdebstrap": "mmdebstrap",
  "mkfs.ext4": "e2fsprogs",
  "ssh-keygen": "openssh-client",
};

/** Where images are kept: `TSRUN_VM_CACHE`, or /var/cache/tsrun-vm. */
export function cacheDir(): string {
  return Deno.env.get("TSRUN_VM_CACHE") ?? "/var/cache/tsrun-vm";
}

/** Why this machine cannot build and boot the image, or undefined if it can. */
export function whyNot(): string | undefined {
  if (Deno.build.arch !== "x86_64") return "the test machine is an x86-64 one";
  if (Deno.uid() !== 0) return "needs root";
  const lacking = Object.keys(PROGRAMS).filter((program) => !onPath(program));
  if (lacking.length > 0) {
    return `needs ${lacking.join(", ")} (packages ${lacking.map((program) => PROGRAMS[program]).join(", ")})`;
  }
  if (readSources() === undefined) return "apt knows no Debian archive (run apt-get update)";
  return undefined;
}

/** Is there a program of this name where programs are? */
function onPath(program: string): boolean {
  return ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    .some((dir) => exists(`${dir}/${program}`));
}

/** The archives that the apt of this machine knows; undefined where it knows none of Debian. */
export function readSources(): Sources | undefined {
  try {
    const { stdout } = new Deno.Command("apt-get", {
      args: ["indextargets", "--format", TARGET_FORMAT, "Created-By: Packages"],
      stderr: "null",
    }).outputSync();
    return parseSources(new TextDecoder().decode(stdout), exists(KEYRING) ? KEYRING : undefined);
  } catch {
    return undefined; // no apt-get: not a Debian machine
  }
}

/**
 * The image of the recipe in this directory, built if it is not in the cache.
 *
 * @param report Told what is being done, as it takes minutes.
 * @throws {Error} What failed, with the end of its output.
 */
export async function ensureImage(report: (line: string) => void): Promise<Image> {
  const sources = readSources();
  if (sources === undefined) throw new Error("apt knows no Debian archive");
  const scripts = ["customize.sh", "init.sh"].map((name) => Deno.readTextFileSync(HERE + name));
  const recipe: Recipe = { suite: sources.suite, packages: PACKAGES, scripts, size: "6G" };
  const dir = `${cacheDir()}/${await imageKey(recipe)}`;
  Deno.mkdirSync(cacheDir(), { recursive: true, mode: 0o700 });
  using lock = Deno.openSync(`${cacheDir()}/lock`, { write: true, create: true });
  await lock.lock(true);
  if (!exists(dir)) {
    removeUnfinished();
    report(`building ${dir} (two to five minutes)`);
    const begin = performance.now();
    const part = `${dir}.part`;
    try {
      build(part, (root, hook) => mmdebstrapArguments(recipe, sources, root, hook), recipe.size);
      Deno.renameSync(part, dir);
    } finally {
      if (exists(part)) removeTree(part);
    }
    report(`built in ${Math.round((performance.now() - begin) / 1000)} s`);
  }
  return { disk: `${dir}/disk`, kernel: `${dir}/vmlinuz`, ramdisk: `${dir}/initrd`, key: `${dir}/key` };
}

/** Builds everything in `part`. */
function build(part: string, mmdebstrap: (root: string, hook: string) => string[], size: string): void {
  Deno.mkdirSync(part, { mode: 0o700 });
  const root = `${part}/root`;
  call("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "tsrun-vm", "-f", `${part}/key`);
  const hook = `sh '${HERE}customize.sh' "$1" '${part}/key' '${part}'`;
  fill(root, mmdebstrap(root, hook));
  const disk = `${part}/disk`;
  call("mkfs.ext4", "-q", "-O", "^has_journal", "-m", "0", "-d", root, disk, size);
  removeTree(root);
}

/** Fills `root` with packages. */
function fill(root: string, mmdebstrap: string[]): void {
  for (let tries = 1;; tries++) {
    try {
      call("timeout", "--kill-after=30", `${BUILD_LIMIT_SECONDS}`, "mmdebstrap", ...mmdebstrap);
      return;
    } catch (error) {
      if (tries < TRIES) removeTree(root);
      else if (/apt-get update .* failed/.test((error as Error).message)) {
        throw new ArchiveUnreachable(
          `the archives that apt knows cannot be read: ${(error as Error).message}`,
        );
      } else throw error;
    }
  }
}

/** Removes what a killed build has left. The caller holds the lock, so no other build uses it. */
function removeUnfinished(): void {
  for (const entry of Deno.readDirSync(cacheDir())) {
    if (entry.name.endsWith(".part")) removeTree(`${cacheDir()}/${entry.name}`);
  }
}

/**
 * `--one-file-system`: mmdebstrap may have been killed with the machine's /proc and /dev mounted in its tree.
 */
function removeTree(path: string): void {
  call("rm", "-rf", "--one-file-system", path);
}

/** Runs a command to its end. @throws {Error} with the end of its output if it fails. */
function call(program: string, ...args: string[]): void {
  const { success, code, stdout, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (success) return;
  const output = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
  throw new Error(`${program}: exit status ${code}: ${output.trimEnd().split("\n").slice(-15).join("\n")}`);
}
