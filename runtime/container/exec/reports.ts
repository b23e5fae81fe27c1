/**
 * What comes back from the processes of an exec once they go by themselves: the pid, and what failed.
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

/** What comes back from a process that goes by itself: init/failure_report.ts. The end for writing is the stage's. */
export interface Report {
  read: number;
  write: number;
}

/** A socket pair that keeps messages apart. */
export function makeReport(k: LocalKernel, arena: Arena): Report {
  const [read, theirs] = makeSocketPair(k, AF_UNIX, SOCK_SEQPACKET);
  return { read, write: arena.inherited(theirs) };
}

/** There are as many processes as the cgroup may have, so that none can be cloned in it; nothing has been handed out. */
export class NoRoomError extends RuntimeError {
  /** @param message Why there is no process. */
  constructor(message: string) {
    super("EAGAIN_PIDS", message);
  }
}

/** Who is heard, and who else is to be told. */
export interface Heard {
  k: LocalKernel;
  report: Report;
  /** Pid of the process that clones the container's. */
  joiner: number;
  /** The process has a terminal, which has been handed on. */
  terminal: boolean;
  /** Is told the pid of the process as soon as there is one: its first calls may be for an agent to answer. */
  heard: ((pid: number) => void) | undefined;
}

/** Most bytes of a message. */
const MESSAGE_SIZE = 8192;

/** Waits until the process has become its program; its pid comes back. @throws {RuntimeError} What it reports instead. */
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
  // A terminal has been handed on by now, which is done once only.
  const noRoom = failure === `${CLONING}: ${strerror(EAGAIN)}`;
  if (noRoom && !terminal) throw new NoRoomError(failedStart(failure).message);
  throw failedStart(failure ?? "the init stage ended unexpectedly (was it killed, or out of memory?)");
}

/** The error to report, in runc's words. */
export function failedStart(reason: string): RuntimeError {
  return new RuntimeError("ESRCH_CONTAINER", `unable to start container process: ${reason}`);
}

/** Where the one who is told fails, the process is ended. */
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
