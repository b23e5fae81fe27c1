/**
 * A rootfs that an attacker made: symbolic links, at the places where a runtime works, that lead to the host.
 */
import { exists } from "./process.ts";

/** A trap below the test's directory; see {@linkcode setTrap}. */
export interface Trap {
  /** Directory on the host, outside the rootfs, that links of the rootfs lead to. */
  outside: string;
  /** What the directory holds now; a change means that the runtime worked outside the rootfs. */
  contents(): string[];
}

/**
 * Makes a directory outside the rootfs that must not change, holding one file and one directory.
 *
 * @param dir Directory of the test.
 */
export function setTrap(dir: string): Trap {
  const outside = `${dir}/outside`;
  Deno.mkdirSync(`${outside}/inner`, { recursive: true });
  Deno.writeTextFileSync(`${outside}/file`, "untouched\n");
  return { outside, contents: () => list(outside) };
}

/**
 * Replaces `path` of the rootfs by a symbolic link.
 *
 * @param rootfs Absolute path of the rootfs.
 * @param path Absolute inside the rootfs; its parents are made.
 * @param target Written into the link as it is: absolute (the host's, if the runtime is careless) or full of
 * `..`.
 */
export function plantLink(rootfs: string, path: string, target: string): void {
  const full = `${rootfs}${path}`;
  if (exists(full)) Deno.removeSync(full, { recursive: true });
  Deno.mkdirSync(full.slice(0, full.lastIndexOf("/")), { recursive: true });
  Deno.symlinkSync(target, full);
}

/** The two kinds of link that lead from inside the rootfs to `target` of the host. */
export function escapes(target: string): Record<string, string> {
  return { absolute: target, relative: `${"../".repeat(24)}${target.slice(1)}` };
}

function list(dir: string): string[] {
  return [...Deno.readDirSync(dir)].flatMap((entry) => {
    const path = `${dir}/${entry.name}`;
    const kind = entry.isDirectory ? "dir" : entry.isSymlink ? "link" : "file";
    const info = Deno.lstatSync(path);
    const line = `${kind} ${entry.name} ${info.mode?.toString(8)} ${entry.isFile ? info.size : ""}`;
    return entry.isDirectory ? [line, ...list(path)] : [line];
  }).sort();
}
