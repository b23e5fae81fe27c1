/** Registers tests that state runc's contract: each runs against the runtime under test and against runc. */
import { Box } from "./box.ts";
import { PATIENCE } from "./process.ts";
import { type Runtime, runtimes } from "./runtime.ts";
import { skip } from "./skip.ts";

/** Options of {@linkcode contract}. */
export interface ContractOptions {
  /** Milliseconds for the whole test, times {@linkcode PATIENCE}; 30 s when absent. */
  timeout?: number;
  /** Why Debian's runc 1.1.5 does not hold this part of the contract: the test is skipped there. */
  notOnReference?: string;
  /** Why the machine cannot run the test at all. */
  skip?: string;
  /** See {@linkcode Runtime}: the host that the runtime is to see. */
  within?: readonly string[];
}

/**
 * Registers one test per runtime. The test gets a {@linkcode Box}. When the test ends, passed or not, the box
 * is emptied, and anything that had to be removed by hand fails the test.
 *
 * @param name Area and behaviour: `kill: exit status is 128 + n`.
 * @param test The test.
 */
export function contract(
  name: string,
  test: (box: Box, runtime: Runtime) => Promise<void>,
  options: ContractOptions = {},
): void {
  for (const runtime of runtimes()) {
    const placed = { ...runtime, within: options.within };
    const title = `${name} [${runtime.name}]`;
    const reason = missing() ?? options.skip ?? (runtime.reference ? difference(options) : undefined);
    if (reason) skip(title, reason);
    else Deno.test({ name: title, fn: () => attempt(placed, test, (options.timeout ?? 30_000) * PATIENCE) });
  }
}

/**
 * Runs a test; the reference gets two more chances. runc 1.1.5 races with itself here and there on a busy
 * machine, and what the test states is that it can hold this part of the contract; the runtime under test
 * must hold it each time.
 */
async function attempt(
  runtime: Runtime,
  test: (box: Box, runtime: Runtime) => Promise<void>,
  timeout: number,
): Promise<void> {
  for (let chances = runtime.reference ? 2 : 0;; chances--) {
    try {
      return await inBox(runtime, test, timeout);
    } catch (error) {
      if (chances === 0) throw error;
      console.log(`the reference is tried again: ${error instanceof Error ? error.message : error}`);
    }
  }
}

/** Runs `test` in a new box of `runtime` under a time limit, and closes the box. */
export async function inBox(
  runtime: Runtime,
  test: (box: Box, runtime: Runtime) => Promise<void>,
  timeout: number,
): Promise<void> {
  const box = new Box(runtime);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the test took longer than ${timeout} ms`)), timeout);
  });
  let failure: unknown;
  try {
    await Promise.race([test(box, runtime), late]);
  } catch (error) {
    failure = error;
  } finally {
    clearTimeout(timer);
  }
  const leaks = await box.close();
  if (failure) throw failure;
  // What the reference leaves is removed as well, but it is no failure of ours.
  if (leaks.length > 0 && !runtime.reference) throw new Error(`left behind:\n${leaks.join("\n")}`);
}

/**
 * Why the reference leaves a test out. With `TSRUN_TEST_DIFFERENCES` set it is run all the same, to see
 * whether the stated difference is still there.
 */
function difference(options: ContractOptions): string | undefined {
  return Deno.env.has("TSRUN_TEST_DIFFERENCES") ? undefined : options.notOnReference;
}

/** What this machine lacks for integration tests, if anything. */
function missing(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return undefined;
}
