/**
 * Blocks the whole program: for the few waits that have no event to wait for. No timer, no event loop.
 *
 * @param milliseconds How long; fractions count.
 */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
