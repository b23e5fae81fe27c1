/**
 * The parts of the test suite.
 * @module
 */

/** Tests that are run together under one time limit. */
export interface Part {
  name: string;
  /** Files and directories, below the top. */
  paths: readonly string[];
  /** A program that runs the tests in place of `deno test`: it is given the report's path and the filter. */
  program?: string;
  limitSeconds: number;
  /** With `--all`, where the part knows it. */
  wholeSeconds?: number;
}

/** In the order they run. */
export const PARTS: readonly Part[] = [
  {
    name: "unit",
    paths: [
      "spec",
      "ffi",
      "init",
      "runtime",
      "build",
      "tests/lib",
      "tests/docs",
      "tests/fuzz",
      "tests/vm/bed",
      "tests/gate_plugin_test.ts",
    ],
    limitSeconds: 1200,
  },
  {
    name: "integration",
    paths: ["tests/golden_test.ts", "tests/integration", "tests/conformance", "bench"],
    limitSeconds: 2400,
  },
  // Every 25th point of what they sweep; `--all` is 60,000 points, several hours of them.
  { name: "faults", paths: ["tests/faults"], limitSeconds: 2400, wholeSeconds: 60_000 },
  // The same against the kind of build that dist/tsrun is not.
  { name: "kinds", paths: [], program: "build/kinds.ts", limitSeconds: 2400 },
  { name: "clients", paths: ["tests/clients"], limitSeconds: 1800 },
  { name: "builders", paths: ["tests/builders"], limitSeconds: 3000 },
  // Both of these parts build their clients first, where the cache has none.
  { name: "cri", paths: ["tests/cri"], limitSeconds: 3000 },
  // Two builds of a release, and its packages on a fresh system, which is made first where there is none.
  { name: "release", paths: ["tests/release"], limitSeconds: 1200 },
  // Inside a machine of its own, whose image is built first where there is none.
  { name: "vm", paths: [], program: "tests/vm/bed/main.ts", limitSeconds: 2820 },
];

/** What the command line asks for. */
export interface Selection {
  parts: readonly Part[];
  /** Only tests whose name holds this. */
  filter: string | undefined;
  /** Every point of a part that is a sample otherwise. */
  whole: boolean;
}

/**
 * Reads `[PART...] [--all] [FILTER | --filter=TEXT]`.
 *
 * @throws {Error} for two filters, or an unknown flag.
 */
export function select(args: readonly string[]): Selection {
  const names: string[] = [];
  let filter: string | undefined, whole = false;
  for (const word of args) {
    if (word === "--all") {
      whole = true;
      continue;
    }
    if (PARTS.some((part) => part.name === word)) {
      names.push(word);
      continue;
    }
    const text = word.startsWith("--filter=") ? word.slice("--filter=".length) : word;
    if (text.startsWith("--") || filter !== undefined) throw new Error(`unexpected argument ${word}`);
    filter = text;
  }
  const parts = PARTS.filter((part) => names.length === 0 || names.includes(part.name));
  if (whole && names.length !== 1) throw new Error("--all belongs to one part, such as faults");
  if (whole && parts[0].wholeSeconds === undefined) {
    throw new Error(`the part ${parts[0].name} is always run as a whole: no --all`);
  }
  return { parts, filter, whole };
}
