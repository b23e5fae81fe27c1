/**
 * Configurations that are valid but for some random changes.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseConfig } from "./parse.ts";
import { isPlainConfig } from "./plain.ts";
import { type Config, containerdConfig, dockerConfig, fullConfig, remappedConfig } from "./spec_testing.ts";
import { explainConfig, formatProblems, type Problem, validateConfig } from "./validate.ts";

/** Values that are wrong in most places, and right in some. */
const VALUES: readonly unknown[] = [
  undefined,
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 64,
  2n ** 64n - 1n,
  "",
  "text",
  "/proc/x",
  "A=b",
  "a\0b",
  "SCMP_ACT_NOTIFY",
  "bind",
  "idmap",
  [],
  {},
  [null],
  [[]],
  [{}],
  ["constructor"],
  { __proto__x: 1, constructor: {}, "": "" },
  JSON.parse('{"__proto__": {"a": 1}}'),
];

/** Random numbers from 0 to below 1 that are the same in every run (mulberry32). */
function randomNumbers(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Replaces, deletes or duplicates something at a random place. */
function mutate(config: Config, random: () => number): void {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  let parent = config;
  for (;;) {
    const key = pick(Object.keys(parent));
    const child = parent[key];
    const deeper = typeof child === "object" && child !== null && Object.keys(child).length > 0;
    if (deeper && random() < 0.8) {
      parent = child;
      continue;
    }
    const choice = random();
    if (choice < 0.2) delete parent[key];
    else if (choice < 0.4 && Array.isArray(parent)) parent.push(structuredClone(child));
    else parent[key] = structuredClone(pick(VALUES));
    return;
  }
}

const BASES: readonly (() => Config)[] = [dockerConfig, containerdConfig, remappedConfig, fullConfig];

Deno.test("validation of mutated configurations never throws and says one line each", () => {
  const random = randomNumbers(20);
  let wrong = 0;
  for (let round = 0; round < 3000; round++) {
    const config = BASES[round % BASES.length]();
    for (let count = 1 + round % 3; count > 0; count--) mutate(config, random);
    const problems = validateConfig(config);
    if (problems.length === 0) continue;
    wrong++;
    for (const { path, reason } of problems) assert(typeof path === "string" && reason !== "", reason);
    assertMatch(formatProblems(problems, "config.json"), /^config\.json: [^\n]+$/);
  }
  assert(wrong > 1500, `only ${wrong} of 3000 configurations were wrong`);
});

Deno.test("a configuration that looks plain has no problems, and is read as it is written", () => {
  const random = randomNumbers(4);
  let plain = 0, warned = 0;
  for (let round = 0; round < 15000; round++) {
    const config = BASES[round % 3]();
    for (let count = 1 + round % 2; count > 0; count--) mutate(config, random);
    const seen: Problem[] = [];
    const looksPlain = isPlainConfig(config, (path, reason) => seen.push({ path, reason }));
    const shown = JSON.stringify(config, noBigints);
    if (!looksPlain || shown.includes("\\u0000")) continue;
    plain++;
    const { document, problems, warnings, notes } = explainConfig(config);
    assertEquals([problems, notes], [[], []], shown);
    assertEquals(warnings, seen, shown);
    assertEquals(document, config, shown);
    if (seen.length > 0) warned++;
  }
  assert(plain > 1000, `only ${plain} of 15000 configurations were plain`);
  assert(warned > 0, "none of them had a warning");
});

Deno.test("parseConfig says plain of no configuration with a NUL byte", () => {
  const config = dockerConfig();
  assert(parseConfig(JSON.stringify(config)).plain);
  config.process.args[0] = "a\0";
  assert(!parseConfig(JSON.stringify(config)).plain);
});

function noBigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}
