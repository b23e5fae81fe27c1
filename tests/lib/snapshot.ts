/**
 * The snapshot of a started engine that the runtime under test goes on from (build/snapshot).
 * @module
 */
import { cacheOf } from "../../build/compiled_place.ts";
import { digestOfProgram, engineOfProgram, snapshotName } from "../../build/entry.ts";
import { snapshotOf, textOfBundle } from "../../build/launcher.ts";
import { digestOf } from "../../build/link.ts";
import { exists } from "./process.ts";
import { pathUnderTest } from "./runtime.ts";

/** Where the snapshot of a bundle lies, or would; undefined of a compiled program. */
export function snapshotOfBundle(path: string): string | undefined {
  const file = Deno.readFileSync(path);
  const deno = engineOfProgram(file), text = textOfBundle(file);
  return deno === undefined || text === undefined ? undefined : snapshotOf(deno, digestOf(text));
}

/** The snapshot of the runtime under test; undefined where it has none. */
export function snapshotUnderTest(): string | undefined {
  const program = pathUnderTest(), path = snapshotOfBundle(program);
  if (path !== undefined) return exists(path) ? path : undefined;
  const digest = digestOfProgram(Deno.readFileSync(program));
  if (digest === undefined) return undefined;
  // That of a compiled program is beside it.
  const own = `${cacheOf(program).directory}/${snapshotName(digest)}`;
  return exists(own) ? own : undefined;
}

/** Why the runtime under test goes on from no snapshot, if it does not. */
export function lacksSnapshot(): string | undefined {
  if (Deno.build.arch !== "x86_64") return "only x86-64 has snapshots";
  return snapshotUnderTest() === undefined ? "the runtime under test has no snapshot" : undefined;
}
