/**
 * Random bytes of the kernel: random(4).
 *
 * The engine's own generator is not asked: all processes that go on from one snapshot of the started engine
 * (build/snapshot/README.md) may have the same state of it.
 * @module
 */

/** Reads as many random bytes. */
export function randomBytes(count: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(count);
  using file = Deno.openSync("/dev/urandom");
  for (let at = 0; at < count;) at += file.readSync(bytes.subarray(at)) ?? 0;
  return bytes;
}
