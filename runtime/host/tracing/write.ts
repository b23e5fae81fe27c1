/**
 * Writes files in directories that others may write to, such as /tmp.
 *
 * A file is made anew, for its owner only, under a name of its own, and is then given its name by rename(2).
 * So no link that someone else has put there is followed. On the way to the directory, links of root and of
 * the caller are followed, those of others are not.
 * @module
 */

import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_WRONLY } from "../../../ffi/constants.ts";
import { S_IFDIR, S_IFLNK, S_IFMT } from "../../../ffi/constants.ts";
import { EEXIST, ELOOP, ENOTDIR } from "../../../ffi/errno.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { decodeStatx, type Stat, STATX_SIZE } from "../../../ffi/structs.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { callerUid, ownPid } from "../caller.ts";

/** The most links on the way to a directory, as in the kernel (path_resolution(7)). */
const MAX_LINKS = 40, LINK_SIZE = 4096;

/**
 * Writes a file whole, with mode 0600. A file of that name is replaced.
 *
 * @param directory Absolute. @param name Without a slash.
 * @throws {RuntimeError} or an `OperationError`.
 */
export function writePrivately(k: LocalKernel, directory: string, name: string, bytes: Uint8Array): void {
  const dir = openDirectory(k, directory), temporary = `.${name}.${ownPid()}`;
  try {
    k.unlinkat(dir, temporary, 0, { allow: "any" });
    const fd = k.openat(dir, temporary, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600).wait();
    try {
      for (let rest = bytes; rest.length > 0;) {
        rest = rest.subarray(
          k.call("write", [fd, rest.subarray(0, PIECE), Math.min(rest.length, PIECE)]).wait(),
        );
      }
      k.call("renameat2", [dir, temporary, dir, name, 0], { doing: `write ${directory}/${name}` });
    } catch (error) {
      k.unlinkat(dir, temporary, 0, { allow: "any" });
      throw error;
    } finally {
      k.close(fd);
    }
  } finally {
    k.close(dir);
  }
}

/** Bytes of one write(2): they lie in the kernel's memory meanwhile. */
const PIECE = 256 * 1024;

/** Makes a directory for its owner only, unless it is there. */
export function makePrivateDirectory(k: LocalKernel, path: string): void {
  const slash = path.lastIndexOf("/");
  const parent = openDirectory(k, path.slice(0, slash) || "/");
  k.mkdirat(parent, path.slice(slash + 1), 0o700, { allow: [EEXIST], doing: `make ${path}` });
  k.close(parent);
}

/** Opens a directory as the module's description says. @param path Absolute. */
export function openDirectory(k: LocalKernel, path: string): number {
  let parts = path.split("/").filter((part) => part !== "");
  let dir = k.open("/", O_PATH | O_DIRECTORY).wait();
  for (let links = 0; parts.length > 0;) {
    const [name, ...rest] = parts;
    const next = k.openat(dir, name, O_PATH | O_NOFOLLOW, 0, { doing: `open ${path}` }).wait();
    const { mode, uid } = statOf(k, next);
    if ((mode & S_IFMT) !== S_IFLNK) {
      k.close(dir);
      dir = next;
      parts = rest;
      if ((mode & S_IFMT) !== S_IFDIR) throw new OperationError("open", ENOTDIR, JSON.stringify(path), "");
      continue;
    }
    const target = linkOf(k, next);
    k.close(next);
    if (++links > MAX_LINKS) throw new OperationError("open", ELOOP, JSON.stringify(path), "");
    if (uid !== 0 && uid !== callerUid()) {
      throw new RuntimeError(
        "EPERM_TRACE",
        `open ${path}: ${name} is a link of user ${uid}, and is not followed`,
      );
    }
    if (target.startsWith("/")) {
      k.close(dir);
      dir = k.open("/", O_PATH | O_DIRECTORY).wait();
    }
    parts = [...target.split("/").filter((part) => part !== ""), ...rest];
  }
  return dir;
}

function statOf(k: LocalKernel, fd: number): Stat {
  return k.scratch(() => {
    const buffer = k.buffer(STATX_SIZE);
    k.statx(fd, "", buffer);
    return decodeStatx(buffer);
  });
}

function linkOf(k: LocalKernel, fd: number): string {
  return k.scratch(() => {
    const target = k.buffer(LINK_SIZE);
    return target.text(k.call("readlinkat", [fd, "", target, LINK_SIZE - 1]).wait());
  });
}
