/**
 * `./x conformance DIR`: runs a conformance suite that the user has built in DIR against dist/tsrun.
 * @module
 */
import { pathUnderTest } from "../lib/runtime.ts";
import { readRequest, type Request, USAGE } from "./request.ts";
import { runProgram } from "./contained.ts";
import { compareCases, faultsOf, renderJson, renderTable, type Row, type Run } from "./report.ts";
import { findPrograms, KINDS } from "./suite.ts";

/** A reason for which nothing is run. */
function die(reason: string): never {
  console.error(`conformance: ${reason}`);
  return Deno.exit(2);
}

/**
 * Runs all programs, and says on standard error which one it has come to.
 *
 * @param stop Ends the run: the result has the programs that are done.
 */
async function run(request: Request, stop: AbortSignal): Promise<Run> {
  const { directory, only, seconds, reference } = request;
  const programs = findPrograms(directory, only);
  if (programs.length === 0) {
    const kinds = KINDS.map(({ suite }) => suite).join(", ");
    die(`no test programs in ${directory} (${kinds}; build them first)`);
  }
  const runtime = pathUnderTest(), rows: Row[] = [];
  for (const [at, program] of programs.entries()) {
    console.error(`${at + 1} of ${programs.length}: ${program.path}`);
    const casesWith = (path: string) => runProgram(directory, program, path, seconds, stop);
    try {
      const cases = await casesWith(runtime);
      const others = reference === undefined ? undefined : await casesWith(reference);
      rows.push({ program: program.path, suite: program.kind.suite, cases: compareCases(cases, others) });
    } catch (error) {
      if (!stop.aborted) throw error;
      console.error(`ended here: ${at} of ${programs.length} programs have been run`);
      break;
    }
  }
  return { runtime, reference, rows };
}

async function main(): Promise<boolean> {
  let request: Request | undefined;
  try {
    request = readRequest(Deno.args);
  } catch (error) {
    die(error instanceof Error ? error.message : String(error));
  }
  if (request === undefined) {
    console.log(USAGE);
    return true;
  }
  if (Deno.uid() !== 0) die("needs root");
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, () => stop.abort());
  const result = await run(request, stop.signal);
  console.log(request.format === "json" ? renderJson(result) : renderTable(result));
  return faultsOf(result).length === 0 && !stop.signal.aborted;
}

Deno.exit(await main() ? 0 : 1);
