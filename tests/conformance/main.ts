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

/** Runs all programs, and says on standard error which one it has come to. */
async function run({ directory, only, seconds, reference }: Request): Promise<Run> {
  const programs = findPrograms(directory, only);
  if (programs.length === 0) {
    const kinds = KINDS.map(({ suite }) => suite).join(", ");
    die(`no test programs in ${directory} (${kinds}; build them first)`);
  }
  const runtime = pathUnderTest(), rows: Row[] = [];
  for (const [at, program] of programs.entries()) {
    console.error(`${at + 1} of ${programs.length}: ${program.path}`);
    const cases = await runProgram(directory, program, runtime, seconds);
    const others = reference === undefined
      ? undefined
      : await runProgram(directory, program, reference, seconds);
    rows.push({ program: program.path, suite: program.kind.suite, cases: compareCases(cases, others) });
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
  const result = await run(request);
  console.log(request.format === "json" ? renderJson(result) : renderTable(result));
  return faultsOf(result).length === 0;
}

Deno.exit(await main() ? 0 : 1);
