/** Registers tests of clients that are started for them. */
import { assertEquals } from "@std/assert";
import { skip } from "../lib/skip.ts";

/** A client, or a server with clients. */
export interface Client {
  /** Ends all that belongs to it; tells what had to be removed by hand. */
  stop(): Promise<string[]>;
}

/**
 * Registers a test of a client, which leaves nothing behind.
 *
 * @param missing Why the machine cannot run it, if it cannot.
 * @param work The test; its steps go through `t`.
 */
export function testClient<C extends Client>(
  name: string,
  missing: string | undefined,
  start: () => Promise<C>,
  work: (client: C, t: Deno.TestContext) => Promise<void>,
): void {
  if (missing) return skip(name, missing);
  Deno.test(name, async (t) => {
    const client = await start();
    let leaks: string[] = [];
    try {
      await work(client, t);
    } finally {
      leaks = await client.stop();
    }
    assertEquals(leaks, []);
  });
}

/** Runs cases as the steps of a test, one after the other. */
export async function runCases<C>(
  t: Deno.TestContext,
  client: C,
  cases: Readonly<Record<string, (client: C) => unknown>>,
): Promise<void> {
  for (const [step, fn] of Object.entries(cases)) await t.step(step, async () => void (await fn(client)));
}
