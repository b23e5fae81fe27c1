/**
 * The memory that records are written to, one behind the other. It is reserved in pieces. Where a batch goes
 * on in another piece, a jump leads there.
 * @module
 */

import type { Memory } from "./memory.ts";
import { ARGUMENTS, BRANCH, ON_POSITIVE, RECORD_SIZE } from "./record.ts";

/** See the module's description. */
export class RecordSpace {
  /** Where the next record goes. */
  next = 0;
  /** Where the reserved memory ends. */
  end = 0;

  /** @param piece Records for which memory is reserved at a time. */
  constructor(readonly memory: Memory, readonly piece: number) {}

  /** Takes the memory of the next record. @param follows Another record of the batch leads to it. */
  allocate(follows: boolean): number {
    const from = this.next;
    if (this.makeRoom() && follows) this.bridge(from, this.next);
    return this.skip();
  }

  /** Leaves the room of one record. There is always room for one. @returns Its address. */
  skip(): number {
    const address = this.next;
    this.next += RECORD_SIZE;
    return address;
  }

  /** Makes room for a record and a jump behind it. Returns whether it is in another piece of memory. */
  makeRoom(): boolean {
    if (this.next + 2 * RECORD_SIZE <= this.end) return false;
    const size = this.piece * RECORD_SIZE;
    this.reset(this.memory.reserve(size), 0);
    this.end = this.next + size;
    return true;
  }

  /** Goes on in memory that was reserved earlier. */
  reset(next: number, end: number): void {
    this.next = next;
    this.end = end;
  }

  /** Writes a jump from one address to another. */
  bridge(from: number, to: number): void {
    const { words32, base } = this.memory, first = (from - base) >>> 2;
    words32[first] = BRANCH;
    words32[first + ARGUMENTS / 4] = 1;
    words32[first + ON_POSITIVE / 4] = to;
  }
}
