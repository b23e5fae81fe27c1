/**
 * `./x test [PART...] [--all] [FILTER]`: runs the parts of the test suite one after the other, each under
 * its time limit. Not called test.ts: `deno test` would take it for a test, and start itself without end.
 * The last line is `N passed, N failed, N skipped`; the exit status is 1 when anything failed. Before it
 * stand the names of the failed tests, those included that passed when they were run again with nothing
 * beside them, and before those what each of them said.
 * @module
 */
import { countReport, type Counts, type TestCase, testCases } from "./junit.ts";
import { type Part, select, type Selection } from "./parts.ts";

const TOP = new URL("..", import.meta.url).pathname;
/** Exit status of timeout(1) when the limit was reached; 137 when the tests did not end on SIGTERM either. */
const TIMED_OUT: readonly number[] = [124, 137];
/** A test that failed is run again this often, and has to pass each time. */
const TIMES_AGAIN = 3;
/** Time for one of these runs. */
const SECONDS_AGAIN = 180;
/** Failed tests of one part that are run again. */
const MOST_AGAIN = 5;
/** Characters that are kept of what a run wrote. */
const TAIL = 2000;
/** Lines that are shown of what a test failed with. */
const MOST_LINES = 30;

/** Words of TSRUN_IMPORTS, which `./x` sets where the packages of deno.json cannot be reached. */
const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** How one part ended. */
interface Outcome {
  counts: Counts;
  /** Tests that failed, those that passed later included. */
  failed: TestCase[];
  /** Those that passed later, each time. */
  unsteady: TestCase[];
}

/** How a run of `deno` ended. */
interface Run {
  success: boolean;
  /** Ended at its time limit. */
  late: boolean;
  /** The end of what it wrote. */
  tail: string;
}

/**
 * Runs `deno` with the arguments. timeout(1) ends the whole group of processes, so that no child holds the
 * run up.
 */
async function deno(args: readonly string[], seconds: number): Promise<Run> {
  const child = new Deno.Command("timeout", {
    args: ["--kill-after=20", `${seconds}`, Deno.execPath(), ...args],
    cwd: TOP,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const decoder = new TextDecoder();
  let tail = "";
  for await (const chunk of child.stdout) {
    for (let sent = 0; sent < chunk.length;) sent += Deno.stdout.writeSync(chunk.subarray(sent));
    tail = (tail + decoder.decode(chunk, { stream: true })).slice(-TAIL);
  }
  const { success, code } = await child.status;
  return { success, late: TIMED_OUT.includes(code), tail };
}

function testArguments(paths: readonly string[], filter: string | undefined): string[] {
  const options = ["test", "--quiet", "--allow-all", "--permit-no-files", ...imports];
  return [...options, ...(filter === undefined ? [] : [`--filter=${filter}`]), ...paths];
}

/**
 * Runs a test that failed again, with nothing beside it: machines are shared, and another program may have
 * taken the test's time. A test that passes each time does not fail the run; it is named as unsteady, so that
 * a person looks at it.
 *
 * @param paths Those of the part. The report names the file that registers a test, which for contracts is no
 * file of tests; such a test is looked for in all of them.
 */
async function passesAlone({ name, file }: TestCase, paths: readonly string[]): Promise<boolean> {
  const filter = `/^${name.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")}$/`;
  const places = /_test\.ts$/.test(file) ? [file] : paths;
  for (let time = 1; time <= TIMES_AGAIN; time++) {
    console.log(`\n-- again, ${time} of ${TIMES_AGAIN}: ${name}`);
    const { success, tail } = await deno(testArguments(places, filter), SECONDS_AGAIN);
    // A run that finds no test succeeds, too.
    if (!success || !/\b[1-9]\d* passed\b/.test(tail)) return false;
  }
  return true;
}

/** Runs one part. */
async function run(part: Part, { filter, whole }: Selection, report: string): Promise<Outcome> {
  const paths = part.paths.filter((path) => exists(`${TOP}${path}`));
  const limit = (whole ? part.wholeSeconds : undefined) ?? part.limitSeconds;
  // What tests/faults/sweep.ts looks at.
  if (whole) Deno.env.set("TSRUN_FAULTS_EVERY", "1");
  console.log(`\n== ${part.name}: ${part.program ?? paths.join(" ")}`);
  const { success, late, tail } = await deno(
    part.program === undefined
      ? [...testArguments(paths, filter), `--junit-path=${report}`]
      : ["run", "--quiet", "--allow-all", ...imports, part.program, report, ...(filter ? [filter] : [])],
    limit,
  );
  if (late) console.log(`${part.name}: ended after its limit of ${limit} s`);
  const xml = exists(report) ? Deno.readTextFileSync(report) : undefined;
  const counts = countReport(xml, success, filter, tail);
  const failed = testCases(xml ?? "", filter).filter(({ outcome }) => outcome === "failed");
  // More than a few failures are no accident. A program of a part runs its tests again itself.
  const again = part.program === undefined && failed.length <= MOST_AGAIN ? failed : [];
  const unsteady: TestCase[] = [];
  for (const test of again) if (await passesAlone(test, paths)) unsteady.push(test);
  counts.failed -= unsteady.length;
  counts.passed += unsteady.length;
  return { counts, failed, unsteady };
}

/** The selection, or the end of the program. */
function selection(): Selection {
  try {
    return select(Deno.args);
  } catch (error) {
    console.error(`test: ${error instanceof Error ? error.message : error}`);
    return Deno.exit(2);
  }
}

function line({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** The failed tests of a part, a line each. */
function named(part: string, { failed, unsteady }: Outcome): string[] {
  return failed.map((test) => {
    const how = unsteady.includes(test) ? `unsteady, passed ${TIMES_AGAIN} times alone` : "failed";
    return `${part}, ${how}: ${test.name}\n`;
  });
}

/** What the failed tests of a part said, each cut to its first lines. */
function told({ failed }: Outcome): string[] {
  return failed.map((test) => {
    const lines = test.failure.split("\n").slice(0, MOST_LINES);
    return `${test.name} (${test.file})\n${lines.map((text) => `    ${text}\n`).join("")}`;
  });
}

async function main(): Promise<boolean> {
  const selected = selection();
  const dir = Deno.makeTempDirSync({ prefix: "tsrun-report-" });
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  const failures: string[] = [], names: string[] = [];
  try {
    const summary: string[] = [];
    for (const part of selected.parts) {
      const outcome = await run(part, selected, `${dir}/${part.name}.xml`);
      for (const key of ["passed", "failed", "skipped"] as const) total[key] += outcome.counts[key];
      failures.push(...told(outcome));
      names.push(...named(part.name, outcome));
      summary.push(`${part.name}: ${line(outcome.counts)}`);
    }
    // Names come last: of a long log, the end is what is kept.
    console.log(`\n${failures.join("")}\n${names.join("")}\n${summary.join("\n")}\n\n${line(total)}`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
  return total.failed === 0;
}

Deno.exit(await main() ? 0 : 1);
