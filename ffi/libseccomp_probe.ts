/**
 * Asks this kernel what its seccomp(2) can do. Distributions port single features back, so a version number
 * would not tell.
 * @module
 */

import {
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_SET_MODE_FILTER,
} from "./constants.ts";
import { EFAULT } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { syscallNumber } from "./syscalls.ts";

/**
 * Whether the kernel knows a flag of seccomp(2).
 *
 * The call loads no filter. It fails with EFAULT when the flags are fine, and with EINVAL before that when
 * they are not.
 *
 * @param flag One SECCOMP_FILTER_FLAG_*.
 */
export function kernelKnowsFlag(flag: number): boolean {
  // The kernel refuses this flag without a listener.
  const flags = flag === SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
    ? flag | SECCOMP_FILTER_FLAG_NEW_LISTENER
    : flag;
  // Asks for errno's address now: asking for it later would be another call between the failed call and its
  // errno.
  errno();
  const result = libc().syscall(syscallNumber("seccomp"), SECCOMP_SET_MODE_FILTER, flags, 0, 0, 0, 0);
  return result === -1 && errno() === EFAULT;
}
