/**
 * Waits for a child of this process.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import { exitStatus, reapOne } from "../../ffi/wait.ts";
import { PollSet } from "./poll.ts";

/**
 * Waits for a child and reaps it. The event loop goes on meanwhile.
 *
 * @param pid A child that has not been reaped yet.
 * @returns Its exit status, 128 + n when signal n ended it.
 */
export async function waitForChild(k: LocalKernel, pid: number): Promise<number> {
  const pidfd = pidfdOpen(k, pid, { doing: `wait for process ${pid}` });
  try {
    const poll = new PollSet(k, [pidfd]);
    for (;;) {
      const ended = reapOne(k, pid);
      if (ended !== undefined) return exitStatus(ended.status);
      await poll.inBackground();
    }
  } finally {
    k.close(pidfd);
  }
}
