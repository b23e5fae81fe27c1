/**
 * Descriptors of processes: pidfd_open(2), pidfd_getfd(2).
 * @module
 */

import type { CallOptions, Kernel } from "./kernel.ts";
import type { LocalKernel } from "./local.ts";
import { decodeStatfsType, STATFS_SIZE } from "./structs.ts";

/**
 * Opens a descriptor of a process. It stands for that process even when another process gets its pid later.
 * It closes on exec, and poll(2) finds it readable when the process has ended.
 *
 * @returns The descriptor, or the negative errno of an allowed failure (`ESRCH`: there is no such process).
 * @throws {OperationError} For any other failure.
 */
export function pidfdOpen(k: Kernel, pid: number, options?: CallOptions): number {
  return k.call("pidfd_open", [pid, 0], options).wait();
}

/**
 * Copies a descriptor of another process into this one. The caller needs the right to trace that process.
 *
 * @param pidfd Descriptor of the process.
 * @param fd The descriptor's number in that process.
 * @returns Its number in this process. It closes on exec.
 * @throws {OperationError} When it cannot be copied.
 */
export function pidfdGetfd(k: Kernel, pidfd: number, fd: number, options?: CallOptions): number {
  return k.call("pidfd_getfd", [pidfd, fd, 0], options).wait();
}

/**
 * The type of the filesystem that a pidfd is in, as statfs(2) tells it. Since Linux 6.9 it is `PIDFS_MAGIC`,
 * in which each process has an inode of its own.
 */
export function pidfdFilesystem(k: LocalKernel, pidfd: number): number {
  return k.scratch(() => {
    const statfs = k.buffer(STATFS_SIZE);
    k.fstatfs(pidfd, statfs);
    return decodeStatfsType(statfs);
  });
}
