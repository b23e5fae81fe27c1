/**
 * What is read from a JUnit report of `deno test`.
 * @module
 */

/** How many tests ended which way. */
export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

/** A test with all that its steps said. */
export interface TestCase {
  name: string;
  /** Path of the file as `deno test` names it; "" where the report does not say. */
  file: string;
  outcome: keyof Counts;
  /** What the test and its steps failed with, a line each at least; "" where they did not fail. */
  failure: string;
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:(amp|lt|gt|quot|apos)|#(\d+)|#x([0-9a-fA-F]+));/g, (_, name, decimal, hex) => {
    if (name !== undefined) return ENTITIES[name];
    return String.fromCodePoint(decimal === undefined ? parseInt(hex, 16) : Number(decimal));
  });
}

/**
 * The elements of a report as they stand there: a step is one of its own, with its parents' names before its
 * own.
 */
function elements(xml: string): TestCase[] {
  return [...xml.matchAll(/<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs)].map(
    ([, attributes, body = ""]) => {
      const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1] ?? "";
      const failure = /<(?:failure|error)\b[^>]*?(?:message="([^"]*)")?(?:\/>|>(.*?)<\/(?:failure|error)>)/s
        .exec(body);
      return {
        name: unescapeXml(attribute("name")),
        file: unescapeXml(attribute("classname")),
        outcome: failure !== null ? "failed" : /<skipped\b/.test(body) ? "skipped" : "passed",
        failure: unescapeXml((failure?.[2] || failure?.[1]) ?? ""),
      };
    },
  );
}

/**
 * The tests of a report. Each test occurs once; its steps are part of it.
 *
 * @param filter The filter of the run. The report calls what it left out skipped; here it is left out.
 */
export function testCases(xml: string, filter = ""): TestCase[] {
  const all = elements(xml);
  const names = new Set(all.map(({ name }) => name));
  const parent = (name: string) => name.split(" > ").slice(0, -1).join(" > ");
  const tests = all.filter(({ name }) => !names.has(parent(name)) && name.includes(filter));
  return tests.map((test) => {
    const steps = all.filter(({ name, failure }) => name.startsWith(`${test.name} > `) && failure !== "");
    const told = steps.map(({ name, failure }) => `${name.slice(test.name.length + 3)}: ${failure}`);
    return { ...test, failure: [test.failure, ...told].filter((text) => text !== "").join("\n") };
  });
}

/** Reads the closing line of `deno test`: how many tests and modules failed; 0 where there is none. */
function failedBy(output: string): number {
  // deno-lint-ignore no-control-regex -- The line may be in colours.
  const plain = output.replace(/\x1b\[[\d;]*m/g, "");
  return Number([...plain.matchAll(/^FAILED \| \d+ passed.*? \| (\d+) failed/gm)].at(-1)?.[1] ?? 0);
}

/**
 * Counts the tests in a report; the steps of a test belong to it and are not counted.
 *
 * @param xml The report; undefined where none was written.
 * @param success Whether the run as a whole succeeded. A module that cannot be loaded, a type error and an
 * error
 *     outside of all tests are in no report.
 * @param filter See {@linkcode testCases}.
 * @param output The end of what `deno test` wrote, whose closing line counts such modules. Without it they
 * are one
 *     failure, where no test failed.
 */
export function countReport(xml: string | undefined, success: boolean, filter = "", output = ""): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { outcome } of testCases(xml ?? "", filter)) counts[outcome]++;
  if (!success) counts.failed = Math.max(counts.failed, failedBy(output), 1);
  return counts;
}
