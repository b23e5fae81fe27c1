/**
 * Messages from the processes of an exec, after tsrun has stopped driving them. They go over a socket that
 * keeps messages apart and closes on exec: the pid of the process and, when a step fails, its errno and its
 * name.
 *
 *     joiner ── pid (16 bytes, the first eight count) ──>  socket  ── end of file: execve(2) has succeeded
 *     process ── errno (8 bytes), text (more than 16) ──>
 *
 * The init of a container reports its failures in the same way, through exec.fifo (start_program.ts).
 *
 * The two processes write at the same time. tsrun believes a message only as far as it can check it: a
 * process that traces the new one by ptrace(2) can write to the socket too.
 * @module
 */

import { AddressOf, type Fd, type Result } from "../ffi/kernel.ts";
import { strerror } from "../ffi/errno.ts";
import { Memory } from "../ffi/memory.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";

const ERRNO_SIZE = 8, PID_SIZE = 16;

/** Steps that report their failure and end the process. */
export class FailureReports {
  readonly #steps: { label: Label; text: string; result: Result }[] = [];

  /** @param fd The descriptor that reports are written to. */
  constructor(readonly k: Recorder, readonly fd: Fd) {}

  /**
   * Records a step that ends the process when it fails.
   *
   * @param text The step, for the report.
   * @param step Records one call that leads to the label on an error. The call's result is reported.
   */
  guard(text: string, step: (onError: Label) => Result): Result {
    const label = new Label();
    const result = step(label);
    this.#steps.push({ label, text, result });
    return result;
  }

  /** Records the message with a pid, which is the result of a clone. */
  sendPid(clone: Result): void {
    this.k.call("write", [this.fd, new AddressOf(clone), PID_SIZE], { allow: "any" });
  }

  /** Records the reports of the guarded steps. Call it behind the last record of the program itself. */
  record(): void {
    for (const { label, text, result } of this.#steps) {
      const bytes = new TextEncoder().encode(text.padEnd(PID_SIZE + 1));
      this.k.place(label);
      this.k.call("write", [this.fd, new AddressOf(result), ERRNO_SIZE], { allow: "any" });
      this.k.call("write", [this.fd, bytes, bytes.length], { allow: "any" });
      endProcess(this.k);
    }
  }
}

/**
 * Ends the process under any filter. Where exit_group(2) is forbidden, the next record lies at an address
 * without memory, and the process faults.
 */
export function endProcess(k: Recorder, status = 1): void {
  k.call("exit_group", [status], { allow: "any" });
  const nowhere = new Label();
  nowhere.address = 8;
  k.jump(nowhere);
}

/** What was reported until the end of file. */
export interface Hearing {
  /** Pid of the process as the host sees it; 0 when there was none. */
  pid: number;
  /** The step that failed and the reason; undefined when none failed. */
  failure: string | undefined;
}

/** Reads messages. @param messages In the order in which they came. */
export function decodeFailureReports(messages: readonly Uint8Array<ArrayBuffer>[]): Hearing {
  const word = (bytes: Uint8Array<ArrayBuffer>) => new Memory(bytes.slice(0, 8).buffer, 0).getI64(0);
  const hearing: Hearing = { pid: 0, failure: undefined };
  let errno = 0, text: string | undefined;
  for (const message of messages) {
    if (message.length === PID_SIZE) hearing.pid = word(message);
    else if (message.length === ERRNO_SIZE) errno = -word(message);
    else text = new TextDecoder().decode(message).trimEnd();
  }
  if (errno !== 0 || text !== undefined) hearing.failure = `${text ?? "unknown step"}: ${strerror(errno)}`;
  return hearing;
}
