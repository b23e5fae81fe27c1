/**
 * A created container ends by the signals that end any process.
 *
 * Its init is the first process of its PID namespace, to which the kernel delivers no signal that has its
 * default action (pid_namespaces(7)); a handler makes the difference. The executor's own ends it, with the
 * status 128 + n. execve(2) resets a handler to the default action, so nothing of it reaches the container's
 * program, and processes that the init starts lose it in the same way.
 * @module
 */

import { SA_RESTORER, SEEK_CUR, SEEK_SET } from "../ffi/constants.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";
import { endingHandler } from "./image.ts";

/** Between SIGKILL and RTMAX: those that end a process by default and have others beside them (signal(7)). */
const SINGLE: readonly number[] = [10, 11, 12, 13, 14, 15, 16, 24, 25, 26, 27];

/**
 * Makes the process end by every signal whose default action is to end it.
 *
 * A record for each would take a page more of a created container. So two loops set those that lie before a
 * signal that takes no handler: 1 to 8, and 29 to 64.
 *
 * @param file A file with an offset that nothing else uses. The offset counts.
 */
export function endBySignals(k: Recorder, file: number): void {
  const handler = endingHandler();
  // It never returns. x86-64 takes no handler without an address to return to.
  const action = k.memory.words([handler, SA_RESTORER, handler, 0]);
  for (const signal of SINGLE) k.call("rt_sigaction", [signal, action, 0, 8]);
  for (const before of [0, 28]) {
    const loop = new Label(), end = new Label();
    k.call("lseek", [file, before, SEEK_SET]);
    k.place(loop);
    const signal = k.call("lseek", [file, 1, SEEK_CUR]);
    k.call("rt_sigaction", [signal, action, 0, 8], { onError: end });
    k.jump(loop);
    k.place(end);
  }
}
