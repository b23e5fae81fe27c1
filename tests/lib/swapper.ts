/** An attacker that exchanges two entries of a directory without rest: renameat2(2), RENAME_EXCHANGE. */

/** What the thread is told. */
export interface Order {
  /** Paths of the two entries. */
  place: string;
  other: string;
  /** Two 32-bit words: set when it is to stop, and how often it has exchanged them. */
  shared: SharedArrayBuffer;
}

/** Exchanges two paths of one file system some hundred thousand times a second, until it is disposed of. */
export class Swapper implements AsyncDisposable {
  readonly #worker = new Worker(new URL("./swap_worker.ts", import.meta.url), { type: "module" });
  readonly #counters = new Int32Array(new SharedArrayBuffer(8));

  constructor(place: string, other: string) {
    const order: Order = { place, other, shared: this.#counters.buffer as SharedArrayBuffer };
    this.#worker.postMessage(order);
  }

  /** How often the two have been exchanged. */
  get swaps(): number {
    return Atomics.load(this.#counters, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const done = new Promise((resolve) => this.#worker.addEventListener("message", resolve, { once: true }));
    Atomics.store(this.#counters, 0, 1);
    await done;
    this.#worker.terminate();
  }
}
