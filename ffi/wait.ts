/**
 * Children that have ended: wait4(2), waitid(2).
 * @module
 */

import { CLD_EXITED, P_PID, WEXITED, WNOHANG, WNOWAIT } from "./constants.ts";
import { ECHILD } from "./errno.ts";
import type { LocalKernel } from "./local.ts";

/** A child that has ended. */
export interface EndedChild {
  pid: number;
  /** Status word of wait(2). */
  status: number;
}

/** Exit status of a process by wait(2)'s status word: its code, or 128 + the signal. */
export function exitStatus(word: number): number {
  const signal = word & 0x7f;
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal;
}

/** Reaps a child that has ended, if there is one. Does not wait. @param child Its pid, or -1 for any. */
export function reapOne(k: LocalKernel, child = -1): EndedChild | undefined {
  return k.scratch(() => {
    const word = k.buffer(8);
    const pid = k.call("wait4", [child, word, WNOHANG, null], { allow: [ECHILD] }).wait();
    return pid > 0 ? { pid, status: word.u32(0) } : undefined;
  });
}

/** Bytes of siginfo_t, and the offsets of fields in that of a SIGCHLD. */
const SIGINFO_SIZE = 128, SI_CODE = 8, SI_STATUS = 24;

/**
 * Waits until a child has ended. Does not reap it.
 *
 * @returns Undefined for success, else `exit status <n>` or `signal: <n>`.
 */
export function endOfChild(k: LocalKernel, pid: number): string | undefined {
  return k.scratch(() => {
    const info = k.buffer(SIGINFO_SIZE);
    k.call("waitid", [P_PID, pid, info, WEXITED | WNOWAIT, null]);
    const status = info.i32(SI_STATUS);
    if (info.i32(SI_CODE) !== CLD_EXITED) return `signal: ${status}`;
    return status === 0 ? undefined : `exit status ${status}`;
  });
}
