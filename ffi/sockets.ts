/**
 * Calls of sockets: socket(2), bind(2), setsockopt(2), sendto(2), recvfrom(2).
 * @module
 */

import type { LocalKernel } from "./local.ts";
import { SOCK_CLOEXEC } from "./constants.ts";
import type { CallOptions, Kernel } from "./kernel.ts";
import type { Buffer } from "./memory.ts";

/**
 * Makes a socket that closes on exec. @throws {OperationError} When the kernel does not have that kind of
 * socket.
 */
export function makeSocket(
  k: Kernel,
  [domain, type, protocol]: readonly [domain: number, type: number, protocol: number],
  options?: CallOptions,
): number {
  return k.call("socket", [domain, type | SOCK_CLOEXEC, protocol], options).wait();
}

/** Gives a socket its address. @throws {OperationError} When the address is taken or does not exist. */
export function bindSocket(
  k: Kernel,
  socket: number,
  address: Uint8Array,
  options?: CallOptions,
): void {
  k.call("bind", [socket, address, address.length], options);
}

/** Sets an option of 32 bits. A kernel that does not know the option ignores it. */
export function trySocketOption(
  k: Kernel,
  socket: number,
  [level, option, value]: readonly [level: number, option: number, value: number],
): void {
  k.call("setsockopt", [socket, level, option, [value], 4], { allow: "any" });
}

/** Sends a message to the other end. @throws {OperationError} When it cannot be sent. */
export function sendBytes(
  k: Kernel,
  socket: number,
  bytes: Uint8Array,
  options?: CallOptions,
): void {
  k.call("sendto", [socket, bytes, bytes.length, 0, null, 0], options);
}

/**
 * Receives a message, or the bytes that a stream has.
 *
 * @param flags `MSG_*` of recvfrom(2).
 * @returns Bytes received (with MSG_TRUNC: bytes of the whole message), or the negative errno of an allowed
 * failure.
 */
export function receiveInto(
  k: Kernel,
  socket: number,
  buffer: Buffer,
  flags: number,
  options?: CallOptions,
): number {
  return k.call("recvfrom", [socket, buffer, buffer.size, flags, null, null], options).wait();
}

/** A pair of connected sockets, both of which close on exec: socketpair(2). */
export function makeSocketPair(k: LocalKernel, domain: number, type: number): [number, number] {
  return k.scratch(() => {
    const pair = k.buffer(8);
    k.call("socketpair", [domain, type | SOCK_CLOEXEC, 0, pair]);
    return [pair.i32(0), pair.i32(4)];
  });
}
