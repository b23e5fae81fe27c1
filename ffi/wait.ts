/**
 * Children that have ended: wait4(2).
 * @module
 */

import { WNOHANG } from "./constants.ts";
import { ECHILD } from "./errno.ts";
import type { LocalKernel } from "./local.ts";

/** A child that has ended. */
export interface EndedChild {
  pid: number;
  /** Status word of wait(2). */
  status: number;
}

/** Reaps a child that has ended, if there is one; does not wait. */
export function reapOne(k: LocalKernel): EndedChild | undefined {
  return k.scratch(() => {
    const word = k.buffer(8);
    const pid = k.call("wait4", [-1, word, WNOHANG, null], { allow: [ECHILD] }).wait();
    return pid > 0 ? { pid, status: word.u32(0) } : undefined;
  });
}
