/**
 * The modules that most commands load on demand: the one list that is to be changed when one of them moves.
 *
 * The bundler gets them as entry points, so that a path that does not exist ends the build, and so that their chunks are
 * named after their paths. The linker refuses a module that nothing imports on demand.
 * @module
 */

/** Paths below the top. A row is loaded as a whole: chunks that the same rows need become one script (`link.ts`). */
export const USUAL: readonly (readonly string[])[] = [
  ["runtime/commands/create.ts"],
  ["runtime/commands/start.ts"],
  ["runtime/commands/run.ts"],
  ["runtime/commands/exec.ts"],
  ["runtime/commands/kill.ts"],
  ["runtime/commands/delete.ts", "runtime/delete.ts"],
  ["runtime/commands/state.ts"],
  ["runtime/seccomp.ts"],
  ["runtime/hooks.ts"],
  ["runtime/cgroups/mount.ts"],
];
