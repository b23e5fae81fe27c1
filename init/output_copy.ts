/**
 * A process that copies everything from a pipe to a descriptor of tsrun's caller, and ends when the pipe
 * ends. It is an executor that runs on its own, so it goes on when tsrun is busy or gone.
 *
 *     container ──write──> pipe ──read──> copier ──write──> the caller's file
 *
 * @module
 */

import { Label, type Recorder } from "../ffi/recorder.ts";
import { type Arena, type Executor, spawnExecutor } from "./executor.ts";
import { endProcess } from "./failure_report.ts";

/** Number of bytes that are copied at once: the size of a pipe. */
const SIZE = 65536;
/** The highest number of a file descriptor. */
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
  k.subject.name = "copier";
  k.during("copy the output of the container", () => {
    // The terminal's signals are for the container. The copier has to stay until the container has written
    // everything.
    k.call("setsid", []);
    if (to !== 1) k.dup3(to, 1, 0);
    k.dup3(from, 0, 0);
    k.flush();
  });
  recordCopy(k);
  k.release(k.program());
  return executor;
}

/** Copies standard input to standard output until the end. */
function recordCopy(k: Recorder): void {
  const ended = new Label(), again = new Label(), write = new Label();
  // Closes all other descriptors, also the line to tsrun.
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
