/**
 * Paths inside the rootfs. The kernel resolves them within it, missing parts are made, and they are used by
 * descriptor.
 *
 * A container's image is hostile: any component may be a symlink, and another container that shares a volume
 * may change it meanwhile (CVE-2021-30465, CVE-2024-45310). A path is therefore resolved once, by openat2(2)
 * with RESOLVE_IN_ROOT. Missing parts are made one component at a time, below a descriptor.
 * @module
 */

import {
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from "../ffi/constants.ts";
import { EEXIST, ELOOP, ENOENT } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";

/** The most symlinks on one path, as in the kernel (path_resolution(7)). */
const MAX_LINKS = 40;
const IN_ROOT = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
/** Resolves one component below an open directory, which cannot lead elsewhere. */
const ONE_STEP = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;

/** What to make in the place of a missing last component. */
export type Missing = "directory" | "file" | "fail";

/** How {@linkcode openInRoot} opens. */
export interface OpenInRoot {
  /** Flags of open(2) besides O_CLOEXEC; `O_PATH` when absent. */
  flags?: number;
  /**
   * What to make when it is missing; `fail` when absent. A function is called only after the kernel has said
   * so.
   */
  missing?: Missing | (() => Missing);
  /** Further `RESOLVE_*` besides those that keep the path inside. */
  resolve?: number;
  /** The error to throw for a failure other than a missing entry. */
  explain?: (errno: number) => Error;
}

/**
 * Opens a path inside the rootfs.
 *
 * @param root Descriptor of the rootfs.
 * @param path Path as the container sees it.
 * @throws {OperationError} With the path and the reason.
 */
export function openInRoot(k: Kernel, root: Fd, path: string, options: OpenInRoot = {}): Result {
  const flags = options.flags ?? O_PATH;
  const { missing = "fail" } = options;
  let made = false;
  const repair = (errno: number) => {
    if (errno !== ENOENT || missing === "fail" || made) {
      throw options.explain?.(errno) ?? new OperationError("open", errno, JSON.stringify(path), "");
    }
    made = true;
    makeInRoot(k, root, path, typeof missing === "function" ? missing() : missing);
    return "retry" as const;
  };
  return k.openat2(root, path, flags, IN_ROOT | (options.resolve ?? 0), 0, { repair });
}

/**
 * Makes the last component of a path if it is missing and its parent exists. It waits for no answer: a
 * program of records decides. If it cannot make something, {@linkcode openInRoot} does.
 *
 * @param like A descriptor of the file or directory that will be mounted there; absent for a directory.
 * @returns A function that returns whether a directory was made. Call it after the kernel has answered.
 */
export function makeAhead(k: Recorder, root: Fd, path: string, like?: Fd): () => boolean {
  const slash = path.lastIndexOf("/"), name = path.slice(slash + 1);
  const done = new Label(), file = new Label(), close = new Label();
  const parent = [O_PATH | O_DIRECTORY | O_CLOEXEC, 0, IN_ROOT];
  const directory = k.call("openat2", [root, path.slice(0, slash) || "/", parent, 24], { onError: done });
  if (like !== undefined) {
    // ENOTDIR: `like` is a file, so a file is made.
    const inside = k.call("openat", [like, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0], { onError: file });
    k.close(inside);
  }
  const made = k.mkdirat(directory, name, 0o755, { allow: "any" });
  k.jump(close);
  if (like !== undefined) {
    k.place(file);
    const flags = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC;
    const empty = k.call("openat", [directory, name, flags, 0o644], { onError: close });
    k.close(empty);
  }
  k.place(close);
  k.close(directory);
  k.place(done);
  // The answer of a skipped record is 0.
  return () => directory.wait() > 0 && made.wait() === 0;
}

/**
 * Makes a path inside the rootfs with all its parents: directories of mode 0755, or an empty file of mode
 * 0644.
 *
 * Where a symlink on the way has no target, the target is made inside the rootfs. `..` is left to the kernel:
 * it is the parent of the directory that the path before it leads to, through symlinks or not.
 */
export function makeInRoot(k: Kernel, root: Fd, path: string, kind: Missing, links = 0): void {
  if (links > MAX_LINKS) throw new OperationError("openat2", ELOOP, JSON.stringify(path), "");
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  // Making begins at the deepest directory that exists.
  let depth = names.length;
  let directory = -ENOENT;
  while (directory === -ENOENT && depth > 0) {
    depth--;
    directory = k.openat2(root, "/" + names.slice(0, depth).join("/"), O_PATH | O_DIRECTORY, IN_ROOT, 0, {
      allow: [ENOENT],
    }).wait();
  }
  for (; depth < names.length; depth++) {
    const name = names[depth], last = depth === names.length - 1;
    const link = makeOne(k, directory, name, last ? kind : "directory");
    if (link !== undefined) {
      k.close(directory);
      const from = link.startsWith("/") ? "" : "/" + names.slice(0, depth).join("/");
      return makeInRoot(k, root, [from, link, ...names.slice(depth + 1)].join("/"), kind, links + 1);
    }
    if (last) break;
    if (names[depth + 1] === "..") {
      // The component before `..` exists by now, so the path resolves further.
      k.close(directory);
      return makeInRoot(k, root, path, kind, links + 1);
    }
    const next = k.openat2(directory, name, O_PATH | O_DIRECTORY, ONE_STEP).wait();
    k.close(directory);
    directory = next;
  }
  k.close(directory);
}

/** Makes one entry of a directory. Where a symlink has the name already, its target is returned. */
function makeOne(k: Kernel, directory: number, name: string, kind: Missing): string | undefined {
  const made = kind === "file"
    ? k.openat(directory, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o644, { allow: [EEXIST] })
      .wait()
    : k.mkdirat(directory, name, 0o755, { allow: [EEXIST] }).wait();
  if (kind === "file" && made >= 0) k.close(made);
  if (made >= 0) return undefined;
  const target = k.buffer(4096);
  const length = k.call("readlinkat", [directory, name, target, 4095], { allow: "any" }).wait();
  return length > 0 ? target.text(length) : undefined;
}
