/**
 * What this kernel's seccomp(2) can do, asked of the kernel itself: distributions port single features back, so
 * that a version number would not tell.
 * @module
 */

import { EFAULT } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { syscallNumber } from "./syscalls.ts";

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;

/**
 * Whether the kernel knows a flag of seccomp(2).
 *
 * Loading no filter at all fails with EFAULT when the flags are fine, and with EINVAL before that when they are not.
 *
 * @param flag One SECCOMP_FILTER_FLAG_*.
 */
export function kernelKnowsFlag(flag: number): boolean {
  // The kernel refuses to wait for a listener that does not exist.
  const flags = flag === SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    ? flag | SECCOMP_FILTER_FLAG_NEW_LISTENER
    : flag;
  // errno's address is asked for now, since the question itself must not stand between the call and its errno.
  errno();
  const result = libc().syscall(syscallNumber("seccomp"), SECCOMP_SET_MODE_FILTER, flags, 0, 0, 0, 0);
  return result === -1 && errno() === EFAULT;
}
