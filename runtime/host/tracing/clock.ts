/**
 * The realtime clock in nanoseconds. Executors read the same one, since no time namespace changes it.
 * @module
 */

import { CLOCK_REALTIME } from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { libc } from "../../../ffi/libc.ts";
import { syscallNumber } from "../../../ffi/syscalls.ts";

/** Reads the clock without any of a kernel's bookkeeping, so that what is measured is changed little. */
export class Clock {
  /** The second of the epoch that times are counted from. */
  readonly second: number;
  readonly #word;
  readonly #number = syscallNumber("clock_gettime");

  /** @param k Its memory holds the time. */
  constructor(k: LocalKernel) {
    this.#word = k.buffer(16);
    this.#read();
    this.second = this.#word.u64(0) - 1;
  }

  /** Nanoseconds since {@linkcode second}. */
  now(): number {
    this.#read();
    return (this.#word.u64(0) - this.second) * 1e9 + this.#word.u32(8);
  }

  #read(): void {
    libc().syscall(this.#number, CLOCK_REALTIME, this.#word.address, 0, 0, 0, 0);
  }
}
