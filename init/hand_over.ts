/**
 * Brings descriptors from an executor's process to tsrun and back, over the executor's channel.
 *
 * pidfd_getfd(2) would need the right to trace the init. tsrun may lack it: the init is not dumpable, and
 * tsrun may run without CAP_SYS_PTRACE or without root's rights.
 * @module
 */

import { MSG_CMSG_CLOEXEC, MSG_PEEK } from "../ffi/constants.ts";
import { TsrunError } from "../ffi/errors.ts";
import type { LocalKernel } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import {
  decodeRights,
  encodeMessage,
  encodeRights,
  MESSAGE_CONTROL_LENGTH,
  rightsSize,
} from "../ffi/structs_socket.ts";

/**
 * Copies a descriptor of the kernel's process to this one. Everything recorded before runs first.
 *
 * @param fd Its number in that process, where it stays open.
 * @returns Its number in this process. It closes on exec.
 * @throws {OperationError} For a call that failed.
 */
export function fetchDescriptor(host: LocalKernel, k: RemoteKernel, fd: number): number {
  k.flush();
  const { memory } = k;
  const { ours, theirs } = k.channel;
  // The word is not the address of a record, so it cannot be taken for a report.
  const data = { address: memory.words([0]), size: 8 };
  const rights = encodeRights([fd]);
  const control = { address: memory.put(rights), size: rights.length };
  k.call("sendmsg", [theirs, encodeMessage(memory, { data, control }), 0], {
    doing: "hand a descriptor over to tsrun",
  });
  k.kick();
  const received = receiveDescriptor(host, ours);
  k.flush();
  if (received === undefined) throw noDescriptor("take a descriptor from the init stage");
  return received;
}

/** Waits for the next word of the executor. Returns undefined, and leaves the word, when it is a report. */
function receiveDescriptor(k: LocalKernel, socket: number): number | undefined {
  return k.scratch(() => {
    const word = k.buffer(8), control = k.buffer(rightsSize(1));
    const doing = "receive a descriptor from the init stage";
    k.call("recvfrom", [socket, word, 8, MSG_PEEK, 0, 0], { doing });
    if (word.u64(0) !== 0) return undefined;
    const message = encodeMessage(k.memory, { data: word, control });
    const got = k.call("recvmsg", [socket, message, MSG_CMSG_CLOEXEC], { doing }).wait();
    if (got === 0) return undefined;
    const length = k.memory.getI64(message + MESSAGE_CONTROL_LENGTH);
    return decodeRights(control.bytes, length)[0];
  });
}

/**
 * Copies a descriptor of this process to the kernel's process. Everything recorded before runs first.
 *
 * @param fd Its number in this process, where it stays open.
 * @returns Its number in that process. It closes on exec.
 * @throws {OperationError} For a call that failed.
 */
export function giveDescriptor(host: LocalKernel, k: RemoteKernel, fd: number): number {
  k.flush();
  const { memory } = k;
  const { ours, theirs } = k.channel;
  const data = memory.alloc(8), control = memory.alloc(rightsSize(1));
  const message = encodeMessage(memory, { data, control });
  const doing = "receive a descriptor from tsrun";
  k.call("recvmsg", [theirs, message, MSG_CMSG_CLOEXEC], { doing });
  // There are two messages: the first starts the batch, and the batch receives the second.
  k.kick();
  sendDescriptor(host, ours, fd);
  k.flush();
  const [received] = decodeRights(control.bytes, memory.getI64(message + MESSAGE_CONTROL_LENGTH));
  if (received === undefined) throw noDescriptor("hand a descriptor over to the init stage");
  return received;
}

function sendDescriptor(k: LocalKernel, socket: number, fd: number): void {
  k.scratch(() => {
    const data = k.buffer(8), rights = encodeRights([fd]);
    const control = { address: k.memory.put(rights), size: rights.length };
    k.call("sendmsg", [socket, encodeMessage(k.memory, { data, control }), 0], {
      doing: "hand a descriptor over to the init stage",
    });
  });
}

function noDescriptor(operation: string): TsrunError {
  return new TsrunError({ code: "EPROTO_DESCRIPTOR", operation, reason: "the message came without one" });
}
