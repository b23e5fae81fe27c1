/**
 * The end of a child of this process.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import { exitStatus, reapOne } from "../../ffi/wait.ts";
import { PollSet } from "./poll.ts";

/**
 * Waits for a child, while the event loop goes on, and reaps it.
 *
 * @param pid A child that has not been waited for.
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
