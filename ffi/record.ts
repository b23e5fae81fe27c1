/**
 * The layout of a record, drawn in init/executor_x86_64.s, and the records that read the clock for a trace.
 * @module
 */

import { CLOCK_REALTIME } from "./constants.ts";
import type { Memory } from "./memory.ts";
import { syscallNumber } from "./syscalls.ts";

/** Bytes of a record. */
export const RECORD_SIZE = 80;
/** Offsets in a record. */
export const MASK = 4, ARGUMENTS = 8, RESULT = 56, ON_ERROR = 64, ON_POSITIVE = 72;
/** Records for which memory is reserved at a time. */
export const PIECE = 1024;
/** Number of a jump. */
export const BRANCH = -2;
/** Numbers of the operations that are no system calls. An executor knows the first two. */
export const OPERATIONS: Readonly<Record<string, number>> = {
  stop: -1,
  branch: BRANCH,
  compare: -3,
  copy: -4,
};
/** Where a clock record keeps the `struct timespec` that it reads: the words of arguments that it has not. */
const CLOCK_VALUE = ARGUMENTS + 16;

/**
 * Writes a record that reads the clock. A failure leads to the next record. It is the realtime clock, because
 * no time namespace changes that one.
 */
export function writeClock(memory: Memory, address: number): void {
  const at = address - memory.base, { view } = memory;
  view.setInt32(at, syscallNumber("clock_gettime"), true);
  view.setUint32(at + ARGUMENTS, CLOCK_REALTIME, true);
  view.setUint32(at + ARGUMENTS + 8, address + CLOCK_VALUE, true);
  view.setUint32(at + ON_ERROR, address + RECORD_SIZE, true);
}

/** Makes clock records do nothing. An address of 0 is none. */
export function stopClocks(memory: Memory, ...addresses: number[]): void {
  for (const address of addresses) {
    if (address === 0) continue;
    memory.view.setInt32(address - memory.base, BRANCH, true);
    memory.view.setUint32(address - memory.base + ARGUMENTS, 0, true);
  }
}

/**
 * The time that a clock record has read, in nanoseconds after a second of the epoch; 0 where it has not run.
 */
export function clockAt(memory: Memory, address: number, second: number): number {
  if (address === 0) return 0;
  const seconds = memory.getI64(address + CLOCK_VALUE);
  return seconds === 0 ? 0 : (seconds - second) * 1e9 + memory.getI64(address + CLOCK_VALUE + 8);
}
