/**
 * The part "kinds" of the tests: builds the kind of tsrun that dist/tsrun is not, and runs the integration
 * tests against it. A compiled one is made with the aid of `aid.ts`, where the pinned `denort` cannot be had.
 *
 * `deno run -A build/kinds.ts REPORT [FILTER]`; the report is of the form of `deno test`.
 * @module
 */
import { skippedReport } from "../tests/vm/bed/report.ts";
import { buildWithAid, fetchAid } from "./aid.ts";
import { textOfBundle } from "./launcher.ts";

const TOP = new URL("..", import.meta.url).pathname.replace(/\/$/, "");
const BUILT = `${TOP}/dist/tsrun`;
/** Not beside dist/tsrun: a compiled program has a directory of its own name. */
const TARGET = `${TOP}/dist/other/tsrun`;
const PATHS: readonly string[] = ["tests/golden_test.ts", "tests/integration"];

/** Builds the kind that dist/tsrun is not. @throws {Error} saying why it cannot be had. */
async function buildOther(): Promise<void> {
  if (textOfBundle(Deno.readFileSync(BUILT)) !== undefined) return buildWithAid(await fetchAid(), TARGET);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${TOP}/build/build.ts`],
    cwd: TOP,
    env: { TSRUN_KIND: "bundle", TSRUN_OUT: TARGET },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

/** Runs the tests. @returns Whether all passed. */
async function runTests(report: string, filter: string | undefined): Promise<boolean> {
  const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "--quiet", "--allow-all", "--permit-no-files", ...imports, `--junit-path=${report}`],
      ...(filter === undefined ? [] : [`--filter=${filter}`]),
      ...PATHS,
    ],
    cwd: TOP,
    // The integration tests of dist/tsrun have held the reference to the same tests already.
    env: { TSRUN: TARGET, TSRUN_TEST_REFERENCE: "no" },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).output();
  return success;
}

const [report, filter] = Deno.args;
let built = false;
try {
  await buildOther();
  built = true;
} catch (error) {
  const reason = (error instanceof Error ? error.message : `${error}`).split("\n")[0];
  console.log(`SKIP: the other kind of build: ${reason}`);
  Deno.writeTextFileSync(report, skippedReport("the other kind of build"));
}
if (built && !await runTests(report, filter)) Deno.exit(1);
