/**
 * How a process has ended, by a descriptor of it: ioctl(2) PIDFD_GET_INFO (include/uapi/linux/pidfd.h).
 * @module
 */

import type { Kernel } from "./kernel.ts";
import { words32 } from "./structs.ts";

/** `_IOWR(0xFF, 11, struct pidfd_info)`, for the first 64 bytes of the structure. */
const PIDFD_GET_INFO = 0xc040_ff0b;
/** Asks for `exit_code`, and says in the answer that it is there. */
const PIDFD_INFO_EXIT = 8;
/** Bytes of the structure, and the offset of `exit_code`, a status word of wait(2). */
const SIZE = 64, EXIT_CODE = 60;

/**
 * The status word of a process that has ended and has been reaped, by whichever process. The kernel keeps it
 * as long as a descriptor of the process is open.
 *
 * @param pidfd Descriptor of the process, which may be anybody's child.
 * @returns Status word of wait(2). Undefined if the process has not been reaped yet, or if the kernel does
 * not tell: it does since Linux 6.15.
 */
export function reapedWord(k: Kernel, pidfd: number): number | undefined {
  return k.reusing(() => {
    const info = k.buffer(SIZE);
    info.bytes.set(words32(PIDFD_INFO_EXIT));
    // Linux before 6.13 has no such ioctl (ENOTTY), and 6.13 and 6.14 have it without the exit status.
    const answer = k.call("ioctl", [pidfd, PIDFD_GET_INFO, info], { allow: "any" }).wait();
    return answer >= 0 && (info.u32(0) & PIDFD_INFO_EXIT) !== 0 ? info.i32(EXIT_CODE) : undefined;
  });
}
