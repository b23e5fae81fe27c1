/**
 * `./x fuzz [SECONDS] [SEED]`: changed configs and command lines, in this process. What is a fault is
 * written to tests/corpus/, where the unit tests try it from then on.
 * @module
 */
import { addToCorpus, readCorpus } from "./corpus.ts";
import { fuzz, judge } from "./fuzzer.ts";

const USUAL = 60;

const [seconds = String(USUAL), seedText = String(crypto.getRandomValues(new Int32Array(1))[0])] = Deno.args;
if (!/^\d+(\.\d+)?$/.test(seconds) || !/^-?\d+$/.test(seedText)) {
  console.error("fuzz: give the number of seconds, and a whole number as the seed if any");
  Deno.exit(2);
}
let bad = 0;
for (const [name, input] of readCorpus()) {
  const { what } = await judge(input);
  if (what === undefined) continue;
  bad++;
  console.log(`tests/corpus/${name}: ${what}`);
}
const begin = performance.now(), end = begin + Number(seconds) * 1000;
const { inputs, taken, findings } = await fuzz(Number(seedText), () => performance.now() > end);
const took = (performance.now() - begin) / 1000;
for (const { input, what } of findings) {
  console.log(`\n${what}\n  kept as ${addToCorpus(input, what.split("\n")[0])}`);
}
console.log(
  `fuzz: seed ${seedText}: ${inputs} inputs in ${took.toFixed(1)} s (${
    Math.round(inputs / took)
  } a second), ` +
    `${taken} taken, ${findings.length} faults found, ${bad} of the corpus are faults`,
);
Deno.exit(findings.length + bad > 0 ? 1 : 0);
