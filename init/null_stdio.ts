/**
 * Replaces standard descriptors that are the host's null device by the container's. The host's would show the
 * container a file outside of it (CVE-2016-9962 is about such descriptors).
 * @module
 */

import {
  EACCES,
  EBADF,
  EBUSY,
  EISDIR,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
  EROFS,
  EXDEV,
} from "../ffi/errno.ts";
import {
  O_NOCTTY,
  O_NOFOLLOW,
  O_RDWR,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFCHR,
  S_IFMT,
} from "../ffi/constants.ts";
import type { Fd, Kernel, Result } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { decodeStatx, STATX_SIZE } from "../ffi/structs.ts";

/** The container's /dev/null, opened for one of these descriptors. It may be any kind of file. */
export interface NullStdio {
  fd: number;
  file: Result;
  stat: Buffer;
}

/**
 * Errors for a null device that does not exist, or may not be opened. A lack of descriptors is not among
 * them.
 */
const NO_DEVICE = [ENOENT, ENOTDIR, ELOOP, EXDEV, ENXIO, ENODEV, EACCES, EPERM, EROFS, EISDIR, EBUSY];

/** Opens the container's /dev/null once for each of `fds`. @param root Descriptor of the container's root. */
export function openNulls(k: Kernel, root: Fd, fds: readonly number[]): NullStdio[] {
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return fds.map((fd) => {
    const stat = k.buffer(STATX_SIZE);
    const file = k.openat2(root, "/dev/null", O_RDWR | O_NOFOLLOW | O_NOCTTY, resolve, 0, {
      allow: NO_DEVICE,
    });
    k.statx(file, "", stat, { allow: [EBADF] });
    return { fd, file, stat };
  });
}

/** Replaces the host's null device, where the container's file is one. */
export function replaceNulls(k: Kernel, nulls: readonly NullStdio[]): void {
  for (const { fd, file, stat } of nulls) {
    if (file.wait() < 0) continue;
    const { mode, rdev } = decodeStatx(stat);
    if ((mode & S_IFMT) === S_IFCHR && rdev.major === 1 && rdev.minor === 3) k.dup3(file, fd, 0);
    k.close(file);
  }
}
