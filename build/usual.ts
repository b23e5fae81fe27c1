/**
 * The modules that most commands load on demand: the one list that is to be changed when one of them moves.
 *
 * The bundler gets them as entry points, so that a path that does not exist ends the build, and so that their
 * chunks are named after their paths. The linker refuses a module that nothing imports on demand.
 * @module
 */

/**
 * Paths below the top. A row is loaded as a whole: chunks that the same rows need become one script
 * (`link.ts`).
 */
export const USUAL: readonly (readonly string[])[] = [
  ["runtime/cli/commands/create.ts", "runtime/cgroups/driver.ts"],
  ["runtime/cli/commands/start.ts"],
  ["runtime/cli/commands/run.ts", "runtime/cgroups/driver.ts"],
  ["runtime/cli/commands/exec.ts", "runtime/cgroups/entry.ts"],
  ["runtime/cli/commands/kill.ts"],
  ["runtime/cli/commands/delete.ts", "runtime/container/destroy.ts", "runtime/cgroups/driver.ts"],
  ["runtime/cli/commands/state.ts"],
  ["runtime/cli/version.ts"],
  ["runtime/features/seccomp/mod.ts"],
  ["runtime/container/create/hooks.ts"],
  ["runtime/features/cgroup_mount.ts", "runtime/cgroups/mount.ts"],
];
