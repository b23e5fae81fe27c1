/**
 * Writes files in directories that others may write to, such as /tmp.
 *
 * A file is made anew, for its owner only, under a name of its own, and is then given its name by rename(2).
 * So no link that someone else has put there is followed. On the way to the directory, links of root and of
 * the caller are followed, those of others are not.
 * @module
 */

import { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } from "../../../ffi/constants.ts";
import { EEXIST } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { ownPid } from "../caller.ts";
import { openDirectory } from "../directory.ts";

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
