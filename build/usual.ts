/**
 * The modules that most commands load on demand: the one list that is to be changed when one of them moves.
 *
 * The bundler gets them as entry points, so that a path that does not exist ends the build, and so that their
 * chunks are named after their paths. The linker refuses a module that nothing imports on demand.
 * @module
 */

/** What the linker makes scripts of (`link.ts`). Paths are below the top. */
export interface Usual {
  /** For each usual command the modules that it always loads: one script. */
  commands: readonly (readonly string[])[];
  /** What only some containers need: modules that are loaded together, by the commands of these modules. */
  features: readonly { modules: readonly string[]; of: readonly string[] }[];
}

const CREATE = "runtime/cli/commands/create.ts", RUN = "runtime/cli/commands/run.ts";
const EXEC = "runtime/cli/commands/exec.ts";

/** The usual commands, and the features that Docker and containerd ask for. */
export const USUAL: Usual = {
  commands: [
    [CREATE, "runtime/cgroups/driver.ts"],
    ["runtime/cli/commands/start.ts"],
    [RUN, "runtime/cgroups/driver.ts"],
    [EXEC, "runtime/cgroups/entry.ts", "runtime/container/supervisor.ts"],
    ["runtime/cli/commands/kill.ts"],
    ["runtime/cli/commands/delete.ts", "runtime/container/destroy.ts", "runtime/cgroups/driver.ts"],
    ["runtime/cli/commands/state.ts"],
    ["runtime/cli/version.ts"],
  ],
  features: [
    { modules: ["runtime/features/seccomp/mod.ts"], of: [CREATE, RUN, EXEC] },
    { modules: ["runtime/container/create/hooks.ts"], of: [CREATE, RUN] },
    { modules: ["runtime/features/cgroup_mount.ts", "runtime/cgroups/mount.ts"], of: [CREATE, RUN] },
  ],
};

/** Paths of all of them. */
export function usualModules({ commands, features }: Usual): string[] {
  return [...new Set([...commands.flat(), ...features.flatMap(({ modules }) => modules)])];
}
