/**
 * Structures of socket calls: addresses of unix(7), messages of sendmsg(2) and recvmsg(2), and the
 * descriptors that go with them by cmsg(3). Layouts are those of 64-bit Linux.
 * @module
 */

import { TsrunError } from "./errors.ts";
import { AF_UNIX, SCM_RIGHTS, SOL_SOCKET } from "./constants.ts";
import type { Memory } from "./memory.ts";
import { words32 } from "./structs.ts";

/** Bytes of `sun_path`, and the bytes of `struct cmsghdr` before its data. */
const PATH_SIZE = 108, CONTROL_HEADER = 16;

/** Whether a path of a unix socket fits into `struct sockaddr_un`. */
export function fitsAddress(path: string): boolean {
  return new TextEncoder().encode(path).length < PATH_SIZE;
}

/**
 * `struct sockaddr_un` of a path; one that begins with `@` names an abstract socket, see unix(7).
 *
 * @throws {RangeError} For a path that does not fit (see {@linkcode fitsAddress}).
 */
export function unixAddress(path: string): Uint8Array {
  const name = new TextEncoder().encode(path);
  if (name.length >= PATH_SIZE) {
    throw new TsrunError({
      code: "ENAMETOOLONG_SOCKET",
      operation: "address a socket",
      object: JSON.stringify(path),
      reason: `its path may have 107 bytes, not ${name.length}`,
    });
  }
  const abstract = path.startsWith("@");
  const address = new Uint8Array(2 + name.length + (abstract ? 0 : 1));
  address[0] = AF_UNIX;
  address.set(name, 2);
  if (abstract) address[2] = 0;
  return address;
}

/** Room for a control message with so many descriptors: `CMSG_SPACE` of cmsg(3). */
export function rightsSize(count: number): number {
  return CONTROL_HEADER + ((count * 4 + 7) & ~7);
}

/** A control message that carries descriptors. */
export function encodeRights(fds: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(rightsSize(fds.length));
  bytes.set(words32(CONTROL_HEADER + fds.length * 4, 0, SOL_SOCKET, SCM_RIGHTS, ...fds));
  return bytes;
}

/** The descriptors in the first control message of a buffer of `length` bytes. */
export function decodeRights(control: Uint8Array, length: number): number[] {
  if (length < CONTROL_HEADER) return [];
  const view = new DataView(control.buffer, control.byteOffset, length);
  if (view.getInt32(8, true) !== SOL_SOCKET || view.getInt32(12, true) !== SCM_RIGHTS) return [];
  const end = Math.min(view.getUint32(0, true), length);
  const fds: number[] = [];
  for (let at = CONTROL_HEADER; at + 4 <= end; at += 4) fds.push(view.getInt32(at, true));
  return fds;
}

/** The parts of a message, by address and size. */
export interface MessageParts {
  data: { address: number; size: number };
  control?: { address: number; size: number };
}

/** Bytes of `struct msghdr`, and the offset of the length of the control messages in it. */
export const MESSAGE_SIZE = 56, MESSAGE_PIECES = 16, MESSAGE_CONTROL = 32, MESSAGE_CONTROL_LENGTH = 40;

/**
 * Writes `struct msghdr` with one piece of data; returns its address. Everything it points to must stay in
 * place.
 */
export function encodeMessage(memory: Memory, { data, control }: MessageParts): number {
  const piece = memory.words([data.address, data.size]);
  return memory.words([0, 0, piece, 1, control?.address ?? 0, control?.size ?? 0, 0]);
}
