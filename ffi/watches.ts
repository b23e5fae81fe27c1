/**
 * Descriptors that become readable when something changes: eventfd(2), inotify(7).
 * @module
 */

import { EFD_CLOEXEC, EFD_NONBLOCK, IN_CLOEXEC, IN_MODIFY, IN_NONBLOCK } from "./constants.ts";
import { EAGAIN, strerror } from "./errno.ts";
import { OperationError } from "./kernel.ts";
import type { LocalKernel } from "./local.ts";

/** A counter that the kernel adds to and that a read resets. It does not block, and closes on exec. */
export function makeEventfd(k: LocalKernel): number {
  return k.call("eventfd2", [0, EFD_NONBLOCK | EFD_CLOEXEC]).wait();
}

/** Reads and resets the kernel's count. @throws {OperationError} When it cannot be read. */
export function takeEvents(k: LocalKernel, eventfd: number): number {
  return k.scratch(() => {
    const count = k.buffer(8);
    const answer = k.call("read", [eventfd, count, 8], { allow: [EAGAIN], doing: "read eventfd" }).wait();
    return answer < 0 ? 0 : count.u64(0);
  });
}

/**
 * Watches files for writes. The descriptor is readable after a write. It does not block, and closes on exec.
 *
 * @throws {OperationError} For a file that does not exist.
 */
export function watchFiles(k: LocalKernel, paths: readonly string[]): number {
  const watch = k.call("inotify_init1", [IN_NONBLOCK | IN_CLOEXEC]).wait();
  try {
    for (const path of paths) k.call("inotify_add_watch", [watch, path, IN_MODIFY]);
    return watch;
  } catch (error) {
    k.close(watch);
    throw error;
  }
}

/** Reads and drops all notifications. @throws {OperationError} When they cannot be read. */
export function drainWatch(k: LocalKernel, watch: number): void {
  k.scratch(() => {
    const events = k.buffer(4096);
    for (;;) {
      const answer = k.call("read", [watch, events, 4096], { allow: "any" }).wait();
      if (answer === -EAGAIN) return;
      if (answer < 0) throw new OperationError("read", -answer, "", `read inotify: ${strerror(-answer)}`);
    }
  });
}
