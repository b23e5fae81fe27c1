/** A short run of the fuzzer, the same each time, and everything that was a fault once. */
import { assert, assertEquals } from "@std/assert";
import { readCorpus } from "./corpus.ts";
import { fuzz, judge } from "./fuzzer.ts";

const INPUTS = 3000, SEED = 7;

Deno.test("corpus: what was a fault once is none any more", async () => {
  const corpus = readCorpus();
  assert(corpus.size > 0);
  for (const [name, input] of corpus) assertEquals((await judge(input)).what, undefined, name);
});

Deno.test(`fuzz: ${INPUTS} changed configs and command lines are refused with one line, or planned`, async () => {
  const { inputs, taken, findings } = await fuzz(SEED, (inputs) => inputs === INPUTS);
  assertEquals(findings.map(({ input, what }) => `${what}\n${JSON.stringify(input).slice(0, 2000)}`), []);
  assertEquals(inputs, INPUTS);
  // One of so many, or nothing but the parser is tried.
  assert(taken > INPUTS / 20, `only ${taken} were taken`);
});
