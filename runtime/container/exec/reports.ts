/**
 * Reads what the processes of an exec report after tsrun has stopped driving them: the pid, and a failure.
 * @module
 */

import { readAt } from "../../../ffi/io.ts";
import { makeSocketPair } from "../../../ffi/sockets.ts";
import { AF_UNIX, SIGKILL, SOCK_SEQPACKET } from "../../../ffi/constants.ts";
import { EAGAIN, strerror } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { CLONING } from "../../../init/exec_setup.ts";
import type { Arena } from "../../../init/executor.ts";
import { decodeFailureReports } from "../../../init/failure_report.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { insist } from "../insist.ts";

/** A socket pair for reports: init/failure_report.ts. The stage has the end for writing. */
export interface Report {
  read: number;
  write: number;
}

/** A socket pair that keeps messages apart. */
export function makeReport(k: LocalKernel, arena: Arena): Report {
  const [read, theirs] = makeSocketPair(k, AF_UNIX, SOCK_SEQPACKET);
  return { read, write: arena.inherited(theirs) };
}

/**
 * The cgroup has as many processes as it may have, so none can be cloned in it. Nothing has been handed out
 * yet.
 */
export class NoRoomError extends RuntimeError {
  /** @param message Why there is no process. */
  constructor(message: string) {
    super("EAGAIN_PIDS", message);
  }
}

/** The processes to be heard, and what else to do with their reports. */
export interface Heard {
  k: LocalKernel;
  report: Report;
  /** Pid of the process that clones the container's. */
  joiner: number;
  /** The process has a terminal, whose master has been handed on. */
  terminal: boolean;
  /**
   * Called with the pid of the process as soon as it is known: an agent may have to answer the first calls of
   * the process.
   */
  heard: ((pid: number) => void) | undefined;
}

/** The most bytes of a message. */
const MESSAGE_SIZE = 8192;

/**
 * Waits until the process runs its program, and returns its pid. @throws {RuntimeError} The failure that it
 * reports.
 */
export function hearReports({ k, report, heard, joiner, terminal }: Heard): number {
  const messages: Uint8Array<ArrayBuffer>[] = [];
  k.scratch(() => {
    const data = k.buffer(MESSAGE_SIZE);
    for (;;) {
      const length = insist(() => readAt(k, report.read, data.address, MESSAGE_SIZE, {}));
      if (length === 0) return;
      messages.push(data.bytes.slice(0, length) as Uint8Array<ArrayBuffer>);
      if (heard) tell(k, heard, joiner, decodeFailureReports(messages).pid);
    }
  });
  const { pid, failure } = decodeFailureReports(messages);
  const isOurs = pid > 0 && pid !== joiner && k.isChild(pid);
  k.reap(joiner);
  if (failure === undefined && isOurs) return pid;
  if (isOurs) k.reap(pid);
  // A terminal has been handed on by now, which happens once only.
  const noRoom = failure === `${CLONING}: ${strerror(EAGAIN)}`;
  if (noRoom && !terminal) throw new NoRoomError(failedStart(failure).message);
  throw failedStart(failure ?? "the init stage ended unexpectedly (was it killed, or out of memory?)");
}

/** The error to report, in runc's words. */
export function failedStart(reason: string): RuntimeError {
  return new RuntimeError("ESRCH_CONTAINER", `unable to start container process: ${reason}`);
}

/** Calls the listener. If it fails, the process is ended. */
function tell(
  k: LocalKernel,
  heard: (pid: number) => void,
  joiner: number,
  pid: number,
): void {
  if (pid <= 0 || pid === joiner || !k.isChild(pid)) return;
  try {
    heard(pid);
  } catch (error) {
    k.kill(pid, SIGKILL, { allow: "any" });
    throw error;
  }
}
