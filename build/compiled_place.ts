/**
 * Where a compiled program keeps what it starts from, and the runs of it that make that. These are modules of
 * its own (snapshot/own.ts), so nothing of the linker is imported here.
 * @module
 */

/** The only argument of the run that fills the cache. */
export const FILL = "--fill-code-cache";

/** The first argument of the run of which a snapshot is taken (snapshot/README.md); two more follow. */
export const POINT_FLAG = "--stop-at-point";

/** The only argument of the run that takes a snapshot of the program itself (snapshot/own.ts). */
export const TAKE = "--take-snapshot";

/** Where a compiled program keeps compiled code. */
export function cacheOf(program: string): { directory: string; file: string } {
  const [, parent, name] = /^(.*)\/([^/]+)$/.exec(program) ?? [];
  if (name === undefined) throw new Error(`not an absolute path: ${program}`);
  const directory = `${parent}/.${name}`;
  return { directory, file: `${directory}/deno-compile-${name}.cache` };
}
