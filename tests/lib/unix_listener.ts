/** A unix socket that tests receive descriptors on. Nothing blocks: tests go on meanwhile. */
import { AF_UNIX, O_NONBLOCK, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM } from "../../ffi/constants.ts";
import { EAGAIN } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import {
  decodeRights,
  encodeMessage,
  MESSAGE_CONTROL_LENGTH,
  rightsSize,
  unixAddress,
} from "../../ffi/structs_socket.ts";
import { until } from "./process.ts";

const MSG_DONTWAIT = 0x40, MSG_CMSG_CLOEXEC = 0x40000000;

/** A message and the descriptors that came with it. */
export interface Message {
  text: string;
  /** Descriptors of this process; the test that takes the message closes them. */
  fds: number[];
}

/** Listens on a stream socket, or receives on a datagram socket, that is made at `path`. */
export class UnixListener implements Disposable {
  readonly #fd: number;

  /** @param path Where the socket is made; at most 107 bytes. */
  constructor(readonly path: string, readonly type: "stream" | "datagram" = "stream") {
    const k = local();
    const kind = (type === "stream" ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | O_NONBLOCK;
    this.#fd = k.call("socket", [AF_UNIX, kind, 0]).wait();
    const address = unixAddress(path);
    k.call("bind", [this.#fd, address, address.length]);
    if (type === "stream") k.call("listen", [this.#fd, 8]);
  }

  /** The next message (of the next connection), or undefined when there is none yet. */
  poll(): Message | undefined {
    const k = local();
    if (this.type === "datagram") return receive(this.#fd);
    const connection = k.call("accept4", [this.#fd, null, null, SOCK_CLOEXEC], { allow: [EAGAIN] }).wait();
    if (connection < 0) return undefined;
    try {
      // The sender has connected: what it sends is there, or about to be.
      for (;;) {
        const message = receive(connection);
        if (message) return message;
      }
    } finally {
      k.close(connection);
    }
  }

  /** Waits for a message. */
  message(): Promise<Message> {
    return until(`a message on ${this.path}`, () => this.poll());
  }

  [Symbol.dispose](): void {
    local().close(this.#fd);
  }
}

function receive(socket: number): Message | undefined {
  const k = local();
  return k.scratch(() => {
    const data = k.buffer(1 << 16), control = k.buffer(rightsSize(8));
    const message = encodeMessage(k.memory, { data, control });
    const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
    const length = k.call("recvmsg", [socket, message, flags], { allow: [EAGAIN] }).wait();
    if (length < 0) return undefined;
    const filled = k.memory.getI64(message + MESSAGE_CONTROL_LENGTH);
    return { text: data.text(length), fds: decodeRights(control.bytes, filled) };
  });
}
