/**
 * `exec` into a cgroup that has all the processes it may have (`pids.max`).
 *
 * Clones are counted there and refused (EAGAIN), joiner and process alike, while a process that comes from outside is
 * counted but let in. So nobody enters before the process is there, which then does so itself, by a file that the joiner
 * has opened on the host. It holds that file for one call; what a process that traces it could do with it is to put
 * processes of the container into the container's own cgroup.
 *
 * Sources: kernel documents admin-guide/cgroup-v1/pids.rst and admin-guide/cgroup-v2.rst (PID).
 * @module
 */

import type { CgroupEntry } from "./types.ts";
import { entryOf, type Paths } from "./entry.ts";

/** How an exec enters cgroups. */
export interface ExecEntry extends CgroupEntry {
  /** What the process itself writes `0` to. */
  enter?: string;
}

/**
 * How to enter cgroups of which one counts processes.
 *
 * @param paths Directories by controller.
 * @returns Undefined where none does.
 */
export function entryOfFull(paths: Paths): ExecEntry | undefined {
  const entry = entryOf(paths);
  if (paths.pids !== undefined) {
    const enter = `${paths.pids}/tasks`;
    return { ...entry, tasks: entry.tasks.filter((file) => file !== enter), enter };
  }
  return entry.cloneInto === null
    ? undefined
    : { ...entry, cloneInto: null, enter: `${entry.cloneInto}/cgroup.procs` };
}
