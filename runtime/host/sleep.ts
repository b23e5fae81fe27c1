/**
 * Blocks the whole program, for the few waits without an event to wait for. It uses no timer and no event
 * loop.
 *
 * @param milliseconds The time. Fractions count.
 */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
