/**
 * A small D-Bus client: calls, answers and signals over one unix socket, with a deadline for every wait.
 *
 * Everything is a system call of this thread: at a create libc is bound already, and a conversation with
 * systemd is a handful of messages one after the other. Calls may be sent together; their answers may be
 * taken later, in any order.
 *
 * Source: D-Bus specification, "Authentication Protocol", "Message Types", "Message Bus Specification".
 * @module
 */
import { receiveInto } from "../../ffi/sockets.ts";
import { PollSet } from "../host/poll.ts";
import { MSG_DONTWAIT } from "../../ffi/constants.ts";
import { EAGAIN, EINTR } from "../../ffi/errno.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import {
  type Call,
  decodeMessage,
  encodeCall,
  ERROR,
  type Message,
  messageSize,
  METHOD_CALL,
  SIGNAL,
} from "./message.ts";
import type { Value } from "./value.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { connectUnix, sendMessage } from "../host/unix_socket.ts";

/** The longest waits, in milliseconds. */
export interface Patience {
  /** For the bus to accept the connection. */
  connect: number;
  /** For an answer. 25 seconds are usual for D-Bus: systemd may be busy with a reload. */
  answer: number;
}

const PATIENCE: Patience = { connect: 10_000, answer: 25_000 };

/** An answer that reports the failure of the call. */
export class DBusError extends RuntimeError {
  override name = "DBusError";

  /**
   * @param doing The purpose of the call.
   * @param errorName Such as `org.freedesktop.systemd1.UnitExists`.
   * @param reason The peer's own words.
   */
  constructor(doing: string, readonly errorName: string, override readonly reason: string) {
    super("EIO_DBUS", `${doing}: ${reason || errorName}`);
  }
}

/** The peer is missing, does not answer, or does not speak D-Bus. */
export class DBusUnreachable extends RuntimeError {
  override name = "DBusUnreachable";

  /** @param message What failed, on which bus, and why. */
  constructor(message: string) {
    super("ECONNREFUSED_DBUS", message);
  }
}

/** Tells the wanted signals from others. */
export interface SignalMatch {
  interface: string;
  member: string;
  /** Whether a signal with these arguments is wanted. */
  accepts(body: readonly Value[]): boolean;
}

/** A call that was sent. */
export interface Pending {
  serial: number;
  doing: string;
}

/** A connection after authentication. */
export class DBus implements Disposable {
  readonly #k: LocalKernel;
  readonly #socket: number;
  readonly #patience: Patience;
  /** Bytes to be sent at the next wait, in one write. */
  #output: Uint8Array[] = [];
  /** Bytes that have come and are no whole message yet. */
  #input = new Uint8Array(0);
  #serial = 0;
  readonly #answers = new Map<number, Message>();
  readonly #signals: Message[] = [];

  private constructor(
    k: LocalKernel,
    /** The peer's name in messages, for example `the system bus`. */
    readonly peer: string,
    readonly path: string,
    patience: Partial<Patience>,
  ) {
    this.#k = k;
    this.#patience = { ...PATIENCE, ...patience };
    this.#socket = connectUnix(k, path);
  }

  /**
   * Connects and authenticates.
   *
   * @param peer The peer's name in messages.
   * @param path The peer's socket.
   * @throws {DBusUnreachable} with both.
   */
  static connect(k: LocalKernel, peer: string, path: string, patience: Partial<Patience> = {}): DBus {
    let bus: DBus | undefined;
    try {
      bus = new DBus(k, peer, path, patience);
      bus.#authenticate();
      return bus;
    } catch (error) {
      bus?.[Symbol.dispose]();
      if (error instanceof OperationError) {
        throw new DBusUnreachable(`cannot reach ${peer}: ${error.message}`);
      }
      throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#k.close(this.#socket);
  }

  /**
   * Queues a call and returns. It is sent at the next wait.
   *
   * @param doing The purpose of the call, for messages about its failure.
   */
  send(doing: string, call: Call): Pending {
    const serial = ++this.#serial;
    this.#output.push(encodeCall(serial, call));
    return { serial, doing };
  }

  /**
   * Waits for the answer to a call.
   *
   * @returns The results.
   * @throws {DBusError} for an answer that is an error, {@linkcode DBusUnreachable} where no answer comes in
   * time.
   */
  answer({ serial, doing }: Pending): Value[] {
    const deadline = performance.now() + this.#patience.answer;
    for (;;) {
      const message = this.#answers.get(serial);
      if (message !== undefined) {
        this.#answers.delete(serial);
        if (message.type !== ERROR) return message.body;
        const [reason] = message.body;
        throw new DBusError(doing, message.errorName, typeof reason === "string" ? reason : "");
      }
      this.#receive(deadline, () => {
        const seconds = this.#patience.answer / 1000;
        throw new DBusUnreachable(`${doing}: no answer from ${this.peer} (${this.path}) within ${seconds} s`);
      });
    }
  }

  /** Sends a call and waits for its answer: {@linkcode send} and {@linkcode answer}. */
  call(doing: string, call: Call): Value[] {
    return this.answer(this.send(doing, call));
  }

  /**
   * Waits for a signal that came after connecting. Each signal is returned once.
   *
   * @param milliseconds The longest wait.
   * @returns Its arguments; undefined when it did not come.
   */
  signal(match: SignalMatch, milliseconds: number): Value[] | undefined {
    const deadline = performance.now() + milliseconds;
    let late = false;
    for (;;) {
      const index = this.#signals.findIndex((one) =>
        one.member === match.member && one.interface === match.interface && match.accepts(one.body)
      );
      if (index >= 0) return this.#signals.splice(index, 1)[0].body;
      if (late) return undefined;
      this.#receive(deadline, () => late = true);
    }
  }

  /**
   * Authenticates as the user that the kernel reports. A name of this process's own choice would have to be
   * the user as the peer sees it, which a process in a user namespace does not know.
   */
  #authenticate(): void {
    const deadline = performance.now() + this.#patience.connect;
    // The zero byte once carried credentials and is still required. The first two lines get one answer each,
    // mostly `DATA` and `OK`; older versions of systemd are content with the first line. The third line goes
    // along, as in systemd's own client: a systemd that reads it together with the first call does not see
    // that call before the next one.
    this.#output.push(ascii("\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n"));
    const answers = [this.#line(deadline), this.#line(deadline)];
    if (!answers.some((line) => line.startsWith("OK "))) {
      throw new DBusUnreachable(
        `${this.peer} (${this.path}) does not let us in: ${JSON.stringify(answers[0])}`,
      );
    }
  }

  /** A line of the authentication, without its end. */
  #line(deadline: number): string {
    for (;;) {
      const end = this.#input.indexOf(0x0a);
      if (end >= 0) {
        const line = new TextDecoder().decode(this.#input.subarray(0, end));
        this.#input = this.#input.slice(end + 1);
        return line.replace(/\r$/, "");
      }
      if (this.#input.length > 4096) throw new DBusUnreachable(`${this.path} does not speak D-Bus`);
      this.#fill(deadline, () => {
        const seconds = this.#patience.connect / 1000;
        throw new DBusUnreachable(`${this.peer} (${this.path}) does not let us in within ${seconds} s`);
      });
    }
  }

  #flush(): void {
    if (this.#output.length === 0) return;
    const bytes = join(this.#output);
    this.#output = [];
    try {
      sendMessage(this.#k, this.#socket, bytes, [], this.path);
    } catch (error) {
      throw new DBusUnreachable(`cannot write to ${this.peer}: ${reasonOf(error)}`);
    }
  }

  /** Sorts the messages that have come, and waits for more where there are none. */
  #receive(deadline: number, late: () => void): void {
    let size: number;
    try {
      size = messageSize(this.#input);
      if (size > 0 && this.#input.length >= size) {
        const message = decodeMessage(this.#input.slice(0, size));
        this.#input = this.#input.slice(size);
        return this.#sort(message);
      }
    } catch (error) {
      throw new DBusUnreachable(
        `${this.peer} (${this.path}) sent what is no D-Bus message: ${reasonOf(error)}`,
      );
    }
    this.#fill(deadline, late);
  }

  #sort(message: Message): void {
    if (message.type === SIGNAL) this.#signals.push(message);
    // Calls of this process by a peer are ignored.
    else if (message.type !== METHOD_CALL) this.#answers.set(message.replySerial, message);
  }

  /** Reads what has come, and waits for it until the deadline. After the deadline it calls `late`. */
  #fill(deadline: number, late: () => void): void {
    const k = this.#k;
    this.#flush();
    k.scratch(() => {
      const [events] = new PollSet(k, [this.#socket]).wait(deadline - performance.now());
      if (events === 0) return performance.now() < deadline ? undefined : late();
      const buffer = k.buffer(16384);
      const taken = receiveInto(k, this.#socket, buffer, MSG_DONTWAIT, { allow: "any" });
      if (taken === -EAGAIN || taken === -EINTR) return;
      if (taken <= 0) throw new DBusUnreachable(`${this.peer} (${this.path}) closed the connection`);
      this.#input = join([this.#input, buffer.bytes.subarray(0, taken)]);
    });
  }
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
