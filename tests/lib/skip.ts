/**
 * Registers a test that cannot run on this machine: it is listed as ignored, and the reason is printed at once,
 * on a line of its own that a gate can count.
 *
 * @param name Name of the test that is left out.
 * @param reason What the machine lacks, in one line.
 */
export function skip(name: string, reason: string): void {
  console.log(`SKIP: ${name}: ${reason}`);
  Deno.test({ name, ignore: true, fn: () => {} });
}
