/**
 * The prepared `start`: container/start.ts as records, for the case that nothing is unusual.
 *
 * To open exec.fifo lets the init go on, so there is no way back behind it. Whatever else than the program's
 * start is found then, is left in a file for the engine, which goes on with it.
 *
 *     lock ─ alive? waits? paused? ─ open exec.fifo ─ ppoll ─ end of file ─ other name? ─ unlink ─ exit
 *                      └─> engine                        └─ bytes, or the end of the init ─> file ─> engine
 *
 * @module
 */

import {
  FIONREAD,
  NO_FOLLOW,
  O_CLOEXEC,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  POLLIN,
  S_IFIFO,
  S_IFREG,
} from "../../ffi/constants.ts";
import { Load, type Result } from "../../ffi/kernel.ts";
import type { Buffer } from "../../ffi/memory.ts";
import type { PreparedKernel } from "../../ffi/prepared_kernel.ts";
import { Label } from "../../ffi/recorder.ts";
import { FIFO_READ, INIT_GONE, START_REPORT_FILE } from "./report_file.ts";
import { done, isAsMade, isNotPaused, lock, lookAtInit, nameIsInits, POLL_EVENTS } from "./common.ts";

/** The most bytes of a report. */
const REPORT_SIZE = 8192;

/** Seconds in which the init closes the fifo behind its report. Another process that writes to it may not. */
const CLOSES_WITHIN = 2;

/** Records the command. */
export function recordPreparedStart(k: PreparedKernel): void {
  const other = new Label(), gone = new Label();
  lock(k);
  isAsMade(k, "config.json", S_IFREG | 0o600);
  isAsMade(k, "exec.fifo", S_IFIFO | 0o622);
  const pidfd = lookAtInit(k);
  nameIsInits(k, { onDifferent: other });
  isNotPaused(k);
  const flags = O_RDONLY | O_NONBLOCK | NO_FOLLOW[k.arch] | O_CLOEXEC;
  const fifo = k.call("openat", [k.slot("dirFd"), "exec.fifo", flags, 0]);
  const polls = k.buffer(24), size = k.buffer(8);
  k.copyFd(polls, pidfd);
  k.copyFd(polls.slice(8, 8), fifo);
  polls.bytes[POLL_EVENTS] = polls.bytes[POLL_EVENTS + 8] = POLLIN;
  waitForFifo(k, polls, gone);
  const reported = new Label(), started = new Label();
  k.call("ioctl", [fifo, FIONREAD, size]);
  k.branch(new Load(size), { onPositive: reported });
  // The end of file. The init may have ended before it became the program.
  nameIsInits(k, { onDifferent: started, onError: started });
  leave(k, FIFO_READ);
  k.stop();
  k.place(started);
  k.call("unlinkat", [k.slot("dirFd"), "exec.fifo", 0], { allow: "any" });
  done(k);
  k.place(reported);
  // Until the init has closed it: there is room in a pipe for all of a report.
  const ends = k.buffer(24);
  k.copyFd(ends, pidfd);
  k.copyFd(ends.slice(8, 8), fifo);
  ends.bytes[POLL_EVENTS] = POLLIN;
  waitForFifo(k, ends, gone, CLOSES_WITHIN);
  const data = k.buffer(REPORT_SIZE), read = k.call("read", [fifo, data, REPORT_SIZE], { allow: "any" });
  k.call("write", [leave(k, FIFO_READ), data, read]);
  k.stop();
  k.place(gone);
  leave(k, INIT_GONE);
  k.place(other);
  k.stop();
}

/**
 * Waits for an event of the fifo.
 *
 * @param polls For the init's pidfd, and then for the fifo; and eight zeros.
 * @param gone Where to go on if there is none, and the init has ended.
 * @param seconds How long to wait at most; without a limit if absent.
 */
function waitForFifo(k: PreparedKernel, polls: Buffer, gone: Label, seconds?: number): void {
  const wait = new Label(), event = new Label(), answered = new Label();
  k.place(wait);
  const limit = seconds === undefined ? 0 : [seconds, 0];
  k.call("ppoll", [polls, 2, limit, 0, 8], { onError: wait, onPositive: answered });
  k.jump(event);
  k.place(answered);
  // Its events, and zeros behind them.
  k.branch(new Load(polls.slice(14, 8)), { onPositive: event });
  k.jump(gone);
  k.place(event);
}

/** Begins the file for the engine. */
function leave(k: PreparedKernel, word: number): Result {
  const flags = O_WRONLY | O_CREAT | O_TRUNC | NO_FOLLOW[k.arch] | O_CLOEXEC;
  const file = k.call("openat", [k.slot("dirFd"), START_REPORT_FILE, flags, 0o600]);
  k.call("write", [file, [word], 8]);
  return file;
}
