/**
 * A process that copies what comes out of a pipe to a descriptor of tsrun's caller, and ends with the pipe. It is an
 * executor that nobody drives, so it needs neither tsrun nor its attention.
 *
 *     container ──write──> pipe ──read──> copier ──write──> the caller's file
 *
 * @module
 */

import { Label, type Recorder } from "../ffi/recorder.ts";
import { type Arena, type Executor, spawnExecutor } from "./executor.ts";
import { endProcess } from "./failure_report.ts";

/** Bytes that are copied at once: what a pipe holds. */
const SIZE = 65536;
/** The last file descriptor number there can be. */
const LAST_FD = 0xffff_ffff;

/**
 * Starts a copier.
 *
 * @param from The pipe's end, inherited by executors of the arena: {@linkcode Arena.inherited}.
 * @param to A standard descriptor of this process.
 * @throws {OperationError} When it cannot be started.
 */
export function startCopier(arena: Arena, from: number, to: number): Executor {
  const executor = spawnExecutor(arena);
  const { kernel: k } = executor;
  k.during("copy the output of the container", () => {
    // Signals of the terminal are for the container: while it writes, the copier stays.
    k.call("setsid", []);
    if (to !== 1) k.dup3(to, 1, 0);
    k.dup3(from, 0, 0);
    k.flush();
  });
  recordCopy(k);
  k.release(k.program());
  return executor;
}

/** Standard input to standard output, until there is no more. */
function recordCopy(k: Recorder): void {
  const ended = new Label(), again = new Label(), write = new Label();
  // Nothing but those two is its own, the line to tsrun included.
  k.call("close_range", [2, LAST_FD, 0], { onError: ended });
  k.place(again);
  const buffer = k.buffer(SIZE);
  const got = k.call("read", [0, buffer, SIZE], { onError: ended, onPositive: write });
  k.place(ended);
  endProcess(k, 0);
  k.place(write);
  k.call("write", [1, buffer, got], { onError: ended, onPositive: again });
  k.jump(ended);
}
