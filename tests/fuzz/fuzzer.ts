/**
 * Makes inputs and tries them.
 * @module
 */
import { allCommands } from "../../runtime/cli/commands.ts";
import { GLOBAL_FLAGS } from "../../runtime/cli/globals.ts";
import { containerdConfig, dockerConfig, fullConfig, remappedConfig } from "../../spec/spec_testing.ts";
import { config } from "../lib/bundle.ts";
import { copyOf, type Json, mutateLine, mutateText, mutateTree, toText } from "./mutate.ts";
import { Random } from "./random.ts";
import { tryConfig, tryLine, type Verdict } from "./targets.ts";

/** An input: the text of a config, or a command line. */
export type Input = { config: string } | { args: string[] };

/** An input that something is wrong with. */
export interface Finding {
  input: Input;
  /** What is wrong. */
  what: string;
}

export interface Fuzzed {
  inputs: number;
  /** How many were taken as they are. */
  taken: number;
  findings: Finding[];
}

/** Findings of one run: more of them are the same mostly. */
const MOST_FINDINGS = 20;
const BASES: readonly (() => Json)[] = [
  ...[dockerConfig, containerdConfig, remappedConfig, fullConfig],
  () => config({}),
];
/** One input of so many is a command line, and one config of so many is changed as text, too. */
const LINES = 10, TEXTS = 12;
/** Changes of one config. */
const MOST_CHANGES = 4;

/** Tries one input. @returns What is wrong; undefined where nothing is. */
export async function judge(input: Input): Promise<{ verdict?: Verdict; what?: string }> {
  try {
    return { verdict: "config" in input ? tryConfig(input.config) : await tryLine(input.args) };
  } catch (error) {
    const stack = error instanceof Error ? error.stack ?? error.message : String(error);
    return { what: stack.split("\n").slice(0, 6).join("\n") };
  }
}

function makeConfig(random: Random): Input {
  // Parts of them are the same objects each time.
  const tree = copyOf(random.pick(BASES)()), other = random.pick(BASES)();
  for (let count = 1 + random.below(MOST_CHANGES); count > 0; count--) mutateTree(random, tree, other);
  const text = toText(tree);
  return { config: random.below(TEXTS) === 0 ? mutateText(random, text) : text };
}

/** Flags by command, and lines to begin with. */
async function lineParts(): Promise<{ flags: string[]; lines: string[][] }> {
  const flags = GLOBAL_FLAGS.map(({ name }) => name), lines: string[][] = [];
  for (const command of await allCommands()) {
    const { name } = command;
    flags.push(...command.flags.map((flag) => flag.name));
    lines.push(["--root", "/run/x", name, "box", ...(command.maxArgs > 1 ? ["true"] : [])], [name, "box"]);
  }
  return { flags, lines };
}

/** Makes and tries inputs from a seed on until `done` says so. */
export async function fuzz(seed: number, done: (inputs: number) => boolean): Promise<Fuzzed> {
  const random = new Random(seed), { flags, lines } = await lineParts();
  const result: Fuzzed = { inputs: 0, taken: 0, findings: [] };
  const seen = new Set<string>();
  while (!done(result.inputs) && result.findings.length < MOST_FINDINGS) {
    const input = random.below(LINES) === 0
      ? { args: mutateLine(random, random.pick(lines), flags) }
      : makeConfig(random);
    const { verdict, what } = await judge(input);
    result.inputs++;
    if (verdict === "taken") result.taken++;
    // The second line is where it was thrown: the same place is one finding.
    const place = what?.split("\n").slice(1, 3).join() ?? "";
    if (what === undefined || seen.has(place)) continue;
    seen.add(place);
    result.findings.push({ input, what });
  }
  return result;
}
