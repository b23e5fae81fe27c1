/**
 * `exec` into a cgroup that has as many processes as it may have (`pids.max`).
 *
 * The kernel refuses clones there (EAGAIN), of the joiner and of the process alike, but it lets a process in
 * that comes from outside. So nothing enters the cgroup before the process exists. The process then enters it
 * by a file that the joiner has opened on the host. It holds that file for one call; a process that traces it
 * could use the file only to put processes of the container into the container's own cgroup.
 *
 * Sources: kernel documents admin-guide/cgroup-v1/pids.rst and admin-guide/cgroup-v2.rst (PID).
 * @module
 */

import type { CgroupEntry } from "./types.ts";
import { entryOf, type Paths } from "./entry.ts";

/** How an exec enters cgroups. */
export interface ExecEntry extends CgroupEntry {
  /** The file that the process itself writes `0` to. */
  enter?: string;
}

/**
 * How to enter cgroups, one of which limits processes.
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
