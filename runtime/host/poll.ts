/**
 * Waits for descriptors by ppoll(2): while the event loop stands still, or while it goes on.
 * @module
 */

import { inBackground } from "../../ffi/background.ts";
import { POLLIN } from "../../ffi/constants.ts";
import { EINTR } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { Buffer } from "../../ffi/memory.ts";
import { words32 } from "../../ffi/structs.ts";

/** Bytes of `struct pollfd` and of `struct timespec`. */
const POLLFD_SIZE = 8, TIMESPEC_SIZE = 16;
/** The longest single wait in milliseconds. A wait of days is made of several. */
const LONGEST_WAIT = 3_600_000;

/** A descriptor, or a descriptor with events of poll(2); `POLLIN` when none are given. */
export type Polled = number | readonly [fd: number, events: number];

/**
 * A set of descriptors to wait for. Its memory is reserved once, so one set serves any number of waits, one
 * at a time.
 *
 * @example
 * ```ts
 * import { LocalKernel } from "../../ffi/local.ts";
 * import { PollSet } from "./poll.ts";
 * export async function firstByte(k: LocalKernel, fd: number): Promise<boolean> {
 *   const [events] = await new PollSet(k, [fd]).inBackground(1000);
 *   return events !== 0;
 * }
 * ```
 */
export class PollSet {
  readonly #fds: number[];
  readonly #words: readonly number[];
  readonly #pollfds: Buffer;
  readonly #timeout: Buffer;

  /** @param fds The descriptors. Without any, every wait is a pause. */
  constructor(readonly k: LocalKernel, fds: readonly Polled[]) {
    const pairs = fds.map((one) => typeof one === "number" ? [one, POLLIN] : one);
    this.#fds = pairs.map(([fd]) => fd);
    this.#words = pairs.flat();
    this.#pollfds = k.buffer(Math.max(1, fds.length) * POLLFD_SIZE);
    this.#timeout = k.buffer(TIMESPEC_SIZE);
  }

  /**
   * Waits on this thread; the event loop stands still. A signal ends the wait early.
   *
   * @param milliseconds Longest wait, an hour at most; no limit when absent.
   * @returns The events of each descriptor (`revents`), 0 where nothing happened.
   * @throws {OperationError} Where the kernel refuses to wait.
   */
  wait(milliseconds?: number): number[] {
    const timeout = this.#prepare(milliseconds);
    const doing = "wait for descriptors";
    const answer = this.k.call("ppoll", [this.#pollfds, this.#fds.length, timeout, null, 8], {
      allow: [EINTR],
      doing,
    }).wait();
    return answer < 0 ? this.#fds.map(() => 0) : this.#events();
  }

  /**
   * Waits on another thread; the event loop goes on. A signal that reaches that thread ends the wait early.
   *
   * @param milliseconds Longest wait, an hour at most; no limit when absent.
   * @returns The events of each descriptor (`revents`), 0 where nothing happened.
   */
  async inBackground(milliseconds?: number): Promise<number[]> {
    const timeout = this.#prepare(milliseconds);
    const answer = await inBackground("ppoll", [
      this.#pollfds.address,
      this.#fds.length,
      timeout === null ? 0 : timeout.address,
      0,
      8,
    ]);
    // A failed call has not written the events. Those of the wait before may still be there.
    return answer < 0 ? this.#fds.map(() => 0) : this.#events();
  }

  /** Writes the arguments. Null means a wait without a limit. */
  #prepare(milliseconds: number | undefined): Buffer | null {
    this.#pollfds.bytes.set(words32(...this.#words));
    if (milliseconds === undefined) return null;
    const wait = Math.min(Math.max(milliseconds, 0), LONGEST_WAIT);
    const seconds = Math.floor(wait / 1000);
    const nanoseconds = Math.min(Math.ceil((wait - seconds * 1000) * 1e6), 999_999_999);
    this.#timeout.bytes.set(words32(seconds, 0, nanoseconds, 0));
    return this.#timeout;
  }

  #events(): number[] {
    return this.#fds.map((_, i) => this.#pollfds.u32(i * POLLFD_SIZE + 4) >>> 16);
  }
}

/** Waits for a time while the event loop goes on. @param milliseconds An hour at most. */
export async function pauseInBackground(k: LocalKernel, milliseconds: number): Promise<void> {
  await new PollSet(k, []).inBackground(milliseconds);
}
