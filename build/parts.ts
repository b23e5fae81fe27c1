/**
 * The parts of the test suite, and what is read from a part's report.
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
      "tests/vm/bed",
      "tests/gate_plugin_test.ts",
    ],
    limitSeconds: 600,
  },
  { name: "integration", paths: ["tests/golden_test.ts", "tests/integration", "bench"], limitSeconds: 1200 },
  { name: "clients", paths: ["tests/clients"], limitSeconds: 1800 },
  // Inside a machine of its own, whose image is built first where there is none.
  { name: "vm", paths: [], program: "tests/vm/bed/main.ts", limitSeconds: 2100 },
];

/** How many tests ended which way. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** What the command line asks for. */
export interface Selection {
  parts: readonly Part[];
  /** Only tests whose name holds this. */
  filter: string | undefined;
}

/**
 * Reads `[PART...] [FILTER | --filter=TEXT]`.
 *
 * @throws {Error} for two filters, or an unknown flag.
 */
export function select(args: readonly string[]): Selection {
  const names: string[] = [];
  let filter: string | undefined;
  for (const word of args) {
    if (PARTS.some((part) => part.name === word)) {
      names.push(word);
      continue;
    }
    const text = word.startsWith("--filter=") ? word.slice("--filter=".length) : word;
    if (text.startsWith("--") || filter !== undefined) throw new Error(`unexpected argument ${word}`);
    filter = text;
  }
  return { parts: PARTS.filter((part) => names.length === 0 || names.includes(part.name)), filter };
}

/** Text as it stands in an attribute of the report. */
function escapeXml(text: string): string {
  const names: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
  };
  return text.replace(/[&<>"']/g, (character) => names[character]);
}

/**
 * Counts the tests in a JUnit report of `deno test`; the steps of a test belong to it and are not counted.
 *
 * @param xml The report; undefined where none was written.
 * @param success Whether the run as a whole succeeded. A module that cannot be loaded, or a type error, is in
 *     no report: it counts as one failure.
 * @param filter The filter of the run. The report calls what it left out skipped; here it is not counted.
 */
export function countReport(xml: string | undefined, success: boolean, filter = ""): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const cases = [...(xml ?? "").matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)]
    .map(([, attributes, body = ""]) => ({ name: /\bname="([^"]*)"/.exec(attributes)?.[1] ?? "", body }));
  const names = new Set(cases.map(({ name }) => name));
  for (const { name, body } of cases) {
    const parent = name.split(" &gt; ").slice(0, -1).join(" &gt; ");
    if (parent !== "" && names.has(parent)) continue;
    if (!name.includes(escapeXml(filter))) continue;
    if (/<(?:failure|error)\b/.test(body)) counts.failed++;
    else if (/<skipped\b/.test(body)) counts.skipped++;
    else counts.passed++;
  }
  if (!success && counts.failed === 0) counts.failed = 1;
  return counts;
}
