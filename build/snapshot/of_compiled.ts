/**
 * Snapshots of compiled programs, which are their own engine.
 * @module
 */
import { cacheOf, POINT_FLAG } from "../compiled_place.ts";
import { digestOfProgram, snapshotName } from "../entry.ts";
import { type Engine, keep } from "./take.ts";

/** The engine of a compiled program, which is the program itself. */
function engineOfCompiled(program: string, digest: string): Engine {
  const target = `${cacheOf(program).directory}/${snapshotName(digest)}`;
  return { start: [program, POINT_FLAG], env: ["TSRUN_SNAPSHOT=no"], image: program, target };
}

/**
 * Takes the snapshot of a compiled program and says how it went.
 *
 * @throws {Error} of another program.
 */
export function keepSnapshotOfCompiled(program: string): Promise<string> {
  const digest = digestOfProgram(Deno.readFileSync(program));
  if (digest === undefined) throw new Error(`${program} is not a program of this build`);
  return keep(engineOfCompiled(program, digest), digest);
}
