/**
 * Descriptors that the container's process gets from tsrun's caller: the standard ones, and preserved ones.
 * @module
 */

import { F_GETFD, FD_CLOEXEC, S_IFCHR, S_IFIFO, S_IFMT, S_IFREG } from "../../ffi/constants.ts";
import { EBADF, strerror } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { decodeStatx, STATX_SIZE } from "../../ffi/structs.ts";
import { RuntimeError } from "../../ffi/errors.ts";

/** Facts of the caller's standard streams. */
export interface StandardStreams {
  /** The descriptors that are the host's null device. The init replaces them by the container's own. */
  nulls: number[];
  /** The link in /proc of each stream that is a pipe, "" for other streams; absent if no stream is a pipe. */
  pipes?: string[];
}

const NULL_DEVICE = { major: 1, minor: 3 };

/**
 * Gives the standard descriptors to the container's user, so that the user can reopen them (/dev/stdout), as
 * runc does.
 *
 * @param uid User of the container's process.
 * @param keepFiles Whether regular files stay with their owners.
 */
export function inspectStdio(k: LocalKernel, uid: number, keepFiles: boolean): StandardStreams {
  const nulls: number[] = [], pipes = ["", "", ""];
  k.scratch(() => {
    const buffer = k.buffer(STATX_SIZE);
    for (let fd = 0; fd < 3; fd++) {
      if (k.statx(fd, "", buffer, { allow: "any" }).wait() < 0) continue;
      const { mode, rdev, inode, uid: owner } = decodeStatx(buffer);
      const isNull = (mode & S_IFMT) === S_IFCHR && rdev.major === NULL_DEVICE.major &&
        rdev.minor === NULL_DEVICE.minor;
      if ((mode & S_IFMT) === S_IFIFO) pipes[fd] = `pipe:[${inode}]`;
      if (isNull) nulls.push(fd);
      // Read-only filesystems, and descriptors of other user namespaces, refuse. runc ignores that too.
      else if (owner !== uid && !(keepFiles && (mode & S_IFMT) === S_IFREG)) {
        k.fchown(fd, uid, KEEP, { allow: "any" });
      }
    }
  });
  return { nulls, pipes: pipes.some((pipe) => pipe !== "") ? pipes : undefined };
}

/** chown(2): leave the group as it is. */
const KEEP = 0xffff_ffff;

/**
 * Checks that the caller passed the descriptors of `LISTEN_FDS`, which come first, and of `--preserve-fds`.
 *
 * Deno's own descriptors close on exec and may have such a number. They must never reach a container.
 *
 * @throws {RuntimeError} Naming the first descriptor that the caller did not pass.
 */
export function checkPreserved(k: LocalKernel, listening: number, preserved: number): void {
  for (let i = 0; i < listening + preserved; i++) {
    const flags = k.call("fcntl", [3 + i, F_GETFD, 0], { allow: "any" }).wait();
    if (flags < 0 || flags & FD_CLOEXEC) {
      const reason = flags < 0 ? strerror(-flags) : strerror(EBADF);
      const which = i < listening
        ? `socket ${i} (of ${listening}, LISTEN_FDS)`
        : `preserved-fd ${i - listening} (of ${preserved})`;
      throw new RuntimeError("EBADF_PRESERVED_FD", `unable to stat ${which}: ${reason}`);
    }
  }
}
