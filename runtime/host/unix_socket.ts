/**
 * Sends descriptors to callers' unix sockets: a terminal, a pidfd or a seccomp listener.
 *
 * Sources: unix(7), connect(2), sendmsg(2), cmsg(3).
 * @module
 */

import { Descriptor } from "../../ffi/descriptor.ts";
import {
  AF_UNIX,
  MSG_NOSIGNAL,
  O_PATH,
  SO_SNDTIMEO,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { encodeMessage, encodeRights, fitsAddress, unixAddress } from "../../ffi/structs_socket.ts";

/** How long a busy listener may delay tsrun, in seconds. */
const PATIENCE = 10;

/**
 * Connects to a unix socket by its path, which may have any length.
 *
 * @param path Path of the socket. `@name` is an abstract one.
 * @param type `SOCK_STREAM` or `SOCK_DGRAM`.
 * @returns The connected socket, which closes on exec. Connecting and sending fail after 10 seconds.
 * @throws {OperationError} `dial unix <path>: <reason>`, in runc's words.
 */
export function connectUnix(k: LocalKernel, path: string, type: number = SOCK_STREAM): number {
  const doing = `dial unix ${path}`;
  using socket = new Descriptor(k, k.call("socket", [AF_UNIX, type | SOCK_CLOEXEC, 0], { doing }));
  k.call("setsockopt", [socket, SOL_SOCKET, SO_SNDTIMEO, [PATIENCE, 0], 16]);
  // An address has room for 107 bytes of a path. A longer path is opened, and reached by its descriptor.
  using place = fitsAddress(path) ? undefined : new Descriptor(k, k.open(path, O_PATH, 0, { doing }));
  const address = unixAddress(place ? `/proc/self/fd/${place.fd}` : path);
  k.call("connect", [socket, address, address.length], { doing });
  return socket.release();
}

/**
 * Sends a message over a connected socket. Descriptors go with its first byte.
 *
 * @param bytes The whole message, at least one byte where descriptors are sent over a stream (unix(7)).
 * @throws {OperationError} `send to unix <path>: <reason>`
 */
export function sendMessage(
  k: LocalKernel,
  socket: number,
  bytes: Uint8Array,
  fds: readonly number[],
  path: string,
): void {
  const doing = `send to unix ${path}`;
  k.scratch(() => {
    const { memory } = k;
    const data = { address: memory.put(bytes), size: bytes.length };
    const rights = encodeRights(fds);
    const control = fds.length > 0 ? { address: memory.put(rights), size: rights.length } : undefined;
    const message = encodeMessage(memory, { data, control });
    let sent = k.call("sendmsg", [socket, message, MSG_NOSIGNAL], { doing }).wait();
    // A stream may take a long message in several pieces.
    while (sent < bytes.length) {
      const rest = [data.address + sent, bytes.length - sent];
      sent += k.call("sendto", [socket, ...rest, MSG_NOSIGNAL, 0, 0], { doing }).wait();
    }
  });
}

/**
 * Connects to a stream socket, sends one message with descriptors, and closes the connection.
 *
 * @param path Absolute path of the socket.
 * @param payload The message; not empty.
 * @param fds Descriptors of this process; they stay open here.
 * @throws {OperationError} `dial unix <path>: <reason>` or `send to unix <path>: <reason>`
 */
export function sendDescriptors(
  k: LocalKernel,
  path: string,
  payload: string,
  fds: readonly number[],
): void {
  using socket = new Descriptor(k, connectUnix(k, path));
  sendMessage(k, socket.fd, new TextEncoder().encode(payload), fds, path);
}
