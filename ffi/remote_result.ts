/**
 * A record, and its result once its batch has run.
 * @module
 */

import type { Result } from "./call.ts";
import { RESULT } from "./record.ts";
import type { Op } from "./recorder.ts";
import type { Watched } from "./watch.ts";

/** See the module's description. */
export class RemoteResult implements Result {
  settled = false;
  #value = 0;
  /** The record as a watcher knows it. */
  watched: Watched | undefined;

  /**
   * @param kernel The kernel that recorded it.
   * @param op The recorded operation, for errors and repairs.
   * @param address Address of the record.
   */
  constructor(readonly kernel: { flush(): void }, readonly op: Op, readonly address: number) {}

  /** Address of the word that will hold the result. */
  get slot(): number {
    return this.address + RESULT;
  }

  settle(value: number): void {
    this.#value = value;
    this.settled = true;
  }

  wait(): number {
    if (!this.settled) this.kernel.flush();
    return this.#value;
  }
}
