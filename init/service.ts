/**
 * A program of the host that answers messages over a line: `<program> ... <descriptor>`.
 *
 *     tsrun ──posix_spawn──> executor ── makes the line, opens files ── execve ──> program
 *       └───────── line (SOCK_SEQPACKET) ──────────────────────────────────────────┘
 *
 * The program's own process makes the socket pair. So the credentials of the line are its own (SO_PEERCRED of
 * unix(7)), and a message names descriptors of the program.
 * @module
 */

import {
  AF_UNIX,
  CLOSE_RANGE_CLOEXEC,
  F_SETFD,
  MSG_CMSG_CLOEXEC,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
} from "../ffi/constants.ts";
import { Descriptor } from "../ffi/descriptor.ts";
import { ECONNRESET, EPIPE, strerror } from "../ffi/errno.ts";
import { RuntimeError } from "../ffi/errors.ts";
import type { LocalKernel } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import { decodeRights, encodeMessage, MESSAGE_CONTROL_LENGTH, rightsSize } from "../ffi/structs_socket.ts";
import { endOfChild } from "../ffi/wait.ts";
import { type Arena, type Executor, ExecutorGone, spawnExecutor } from "./executor.ts";
import { fetchDescriptor } from "./hand_over.ts";

/** Room for one message in bytes, and the most descriptors that it may carry. */
const MESSAGE_ROOM = 65536, DESCRIPTORS = 4;
const LAST_FD = 0xffff_ffff;
/** Errors of a line whose other end is closed. */
const GONE: readonly number[] = [EPIPE, ECONNRESET];

/** How a service is started. */
export interface ServiceStart {
  /** Path of the program. */
  path: string;
  /** Returns its arguments. @param line Number of the line's descriptor. */
  args: (line: number) => readonly string[];
  env: readonly string[];
  /** Prepares the process before it becomes the program. @returns Descriptors that the program keeps. */
  prepare?: (k: RemoteKernel) => readonly number[];
}

/** A message of the service. */
export interface ServiceMessage {
  bytes: Uint8Array;
  /** Descriptors that were sent with it. The receiver owns them. */
  fds: number[];
}

/** A running service. It is ended with its scope. */
export class Service implements Disposable {
  readonly #executor: Executor;
  readonly #line: Descriptor;

  /**
   * @param arena Memory that is shared with the process until it becomes the program.
   * @throws {RuntimeError} When the program cannot be executed.
   */
  constructor(readonly k: LocalKernel, arena: Arena, start: ServiceStart) {
    this.#executor = spawnExecutor(arena);
    this.#executor.kernel.subject.name = "service";
    try {
      this.#line = new Descriptor(k, becomeProgram(k, this.#executor.kernel, start));
    } catch (error) {
      this.#executor[Symbol.dispose]();
      throw error;
    }
  }

  /** Its process id. */
  get pid(): number {
    return this.#executor.pid;
  }

  /** Sends a message. If the service has ended, only {@linkcode receive} reports it. */
  send(bytes: Uint8Array, doing: string): void {
    const options = { doing, allow: GONE };
    this.k.call("sendto", [this.#line, bytes, bytes.length, MSG_NOSIGNAL, null, 0], options);
  }

  /** Waits for the next message; undefined when the service has closed the line. */
  receive(doing: string): ServiceMessage | undefined {
    const { k } = this;
    if (k.interruption) k.waitReadable(this.#line.wait());
    return k.scratch(() => {
      const data = k.buffer(MESSAGE_ROOM), control = k.buffer(rightsSize(DESCRIPTORS));
      const message = encodeMessage(k.memory, { data, control });
      const options = { doing, allow: GONE };
      const length = k.call("recvmsg", [this.#line, message, MSG_CMSG_CLOEXEC], options).wait();
      if (length <= 0) return undefined;
      const fds = decodeRights(control.bytes, k.memory.getI64(message + MESSAGE_CONTROL_LENGTH));
      return { bytes: data.bytes.slice(0, length), fds };
    });
  }

  /**
   * Closes the line and waits until the service has ended. @returns Undefined for success, else how it ended.
   */
  end(): string | undefined {
    this.#line[Symbol.dispose]();
    const how = endOfChild(this.k, this.pid);
    this.#executor.reap();
    return how;
  }

  [Symbol.dispose](): void {
    this.#line[Symbol.dispose]();
    this.#executor[Symbol.dispose]();
  }
}

/** Makes the process of an executor the program. @returns This process's end of the line. */
function becomeProgram(
  local: LocalKernel,
  k: RemoteKernel,
  { path, args, env, prepare }: ServiceStart,
): number {
  const keep = prepare?.(k) ?? [];
  const pair = k.buffer(8);
  k.call("socketpair", [AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair]).wait();
  const ours = fetchDescriptor(local, k, pair.i32(0)), theirs = pair.i32(4);
  // The channel by which tsrun drives the process closes too.
  k.closeRange(3, LAST_FD, CLOSE_RANGE_CLOEXEC);
  for (const fd of [theirs, ...keep]) k.call("fcntl", [fd, F_SETFD, 0]);
  const exec = k.execve(path, args(theirs), env, { allow: "any" });
  let errno: number;
  try {
    errno = -exec.wait();
  } catch (error) {
    if (error instanceof ExecutorGone) return ours;
    throw error;
  }
  local.close(ours);
  throw new RuntimeError("ENOEXEC_PROGRAM", `exec ${JSON.stringify(path)}: ${strerror(errno)}`);
}
