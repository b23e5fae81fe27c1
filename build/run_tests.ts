/**
 * `./x test [PART...] [FILTER]`: runs the parts of the test suite one after the other, each under its time limit.
 * Not called test.ts: `deno test` would take it for a test, and start itself without end.
 * The last line is `N passed, N failed, N skipped`; the exit status is 1 when anything failed.
 * @module
 */
import { countReport, type Counts, type Part, select, type Selection } from "./parts.ts";

const TOP = new URL("..", import.meta.url).pathname;
/** Exit status of timeout(1) when the limit was reached; 137 when the tests did not end on SIGTERM either. */
const TIMED_OUT: readonly number[] = [124, 137];

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

/** Runs one part. timeout(1) ends the whole process group of the tests, so that no child holds the run up. */
function run(part: Part, filter: string | undefined, report: string): Counts {
  const paths = part.paths.filter((path) => exists(`${TOP}${path}`));
  console.log(`\n== ${part.name}: ${part.program ?? paths.join(" ")}`);
  const args = ["--kill-after=20", `${part.limitSeconds}`, Deno.execPath()];
  if (part.program === undefined) {
    args.push("test", "--quiet", "--allow-all", "--permit-no-files", `--junit-path=${report}`, ...imports);
    args.push(...(filter === undefined ? [] : [`--filter=${filter}`]), ...paths);
  } else {
    args.push("run", "--quiet", "--allow-all", ...imports, part.program, report);
    args.push(...(filter === undefined ? [] : [filter]));
  }
  const { success, code } = new Deno.Command("timeout", {
    args,
    cwd: TOP,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).outputSync();
  if (TIMED_OUT.includes(code)) console.log(`${part.name}: ended after its limit of ${part.limitSeconds} s`);
  return countReport(exists(report) ? Deno.readTextFileSync(report) : undefined, success, filter);
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

function main(): boolean {
  const { parts, filter } = selection();
  const dir = Deno.makeTempDirSync({ prefix: "tsrun-report-" });
  const total: Counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    const summary = parts.map((part) => {
      const counts = run(part, filter, `${dir}/${part.name}.xml`);
      for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
      return `${part.name}: ${line(counts)}`;
    });
    console.log(`\n${summary.join("\n")}\n\n${line(total)}`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
  return total.failed === 0;
}

Deno.exit(main() ? 0 : 1);
