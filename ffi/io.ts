/**
 * Reading and writing by descriptor and address, locks of files, pipes.
 *
 * The functions return the call's own result: a count, or the negative errno of a failure. The caller decides
 * what it means.
 * @module
 */

import { F_GETFL, F_SETFL, LOCK_EX, LOCK_NB, O_CLOEXEC, O_NONBLOCK, O_RDWR } from "./constants.ts";
import { EAGAIN } from "./errno.ts";
import type { CallOptions } from "./kernel.ts";
import type { LocalKernel } from "./local.ts";

/**
 * read(2) into memory at an address.
 *
 * @param options Every failure is allowed when they are not given.
 * @returns Bytes read, 0 at the end, or the negative errno of an allowed failure.
 */
export function readAt(
  k: LocalKernel,
  fd: number,
  address: number,
  length: number,
  options: CallOptions = { allow: "any" },
): number {
  return k.call("read", [fd, address, length], options).wait();
}

/** write(2) from memory at an address. @returns Bytes written, or a negative errno. */
export function writeAt(k: LocalKernel, fd: number, address: number, length: number): number {
  return k.call("write", [fd, address, length], { allow: "any" }).wait();
}

/** The flags that a descriptor is open with (`O_*`), or a negative errno: fcntl(2). */
export function openFlags(k: LocalKernel, fd: number): number {
  return k.call("fcntl", [fd, F_GETFL, 0], { allow: "any" }).wait();
}

/** Makes a descriptor that is open for reading and writing fail with EAGAIN instead of blocking: fcntl(2). */
export function makeNonblocking(k: LocalKernel, fd: number): void {
  k.call("fcntl", [fd, F_SETFL, O_RDWR | O_NONBLOCK]);
}

/**
 * Takes the lock of an open file for this process alone, if no other process has it: flock(2).
 *
 * @returns Whether the lock was taken. It is released when the last descriptor of the open file is closed.
 */
export function tryLock(k: LocalKernel, fd: number): boolean {
  return k.call("flock", [fd, LOCK_EX | LOCK_NB], { allow: [EAGAIN] }).wait() >= 0;
}

/** A pipe, both ends of which close on exec: pipe2(2). */
export function makePipe(k: LocalKernel): { read: number; write: number } {
  return k.scratch(() => {
    const ends = k.buffer(8);
    k.call("pipe2", [ends, O_CLOEXEC], { doing: "make a pipe" });
    return { read: ends.i32(0), write: ends.i32(4) };
  });
}
