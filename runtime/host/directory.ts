/**
 * Opens directories on whose path others may have put links.
 * @module
 */

import { O_DIRECTORY, O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT } from "../../ffi/constants.ts";
import { ELOOP, ENOTDIR } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { decodeStatx, type Stat, STATX_SIZE } from "../../ffi/structs.ts";
import { callerUid } from "./caller.ts";

/** The most links on the way to a directory, as in the kernel (path_resolution(7)). */
const MAX_LINKS = 40, LINK_SIZE = 4096;

/**
 * Opens a directory. On the way to it, links of root and of the caller are followed, those of others are not.
 *
 * @param path Absolute.
 * @throws {RuntimeError} or an `OperationError`.
 */
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
