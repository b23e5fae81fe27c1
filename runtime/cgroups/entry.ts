/**
 * How a process enters the cgroups of an existing container. Only the record is used, because loading a
 * driver takes longer than entering.
 * @module
 */
import { EBUSY, ENODEV, ENOENT, EOPNOTSUPP } from "../../ffi/errno.ts";
import type { CgroupEntry } from "./types.ts";
import { isFile, readText } from "../host/files.ts";

/** Name of the cgroup v2 hierarchy. It is the same as in path.ts, which is not loaded for it. */
const UNIFIED = "unified";

/**
 * The kernel's errors for a cgroup that no process may enter: it hands down controllers, is threaded, or is
 * missing.
 */
const REFUSED: readonly number[] = [EBUSY, EOPNOTSUPP, ENOENT, ENODEV];

/** Directories by controller, as in a record. */
export type Paths = Readonly<Record<string, string>>;

/**
 * Each directory once: those of v1 by their `tasks`, that of v2 by its path.
 *
 * @param paths Directories by controller; co-mounted controllers share one.
 */
export function entryOf(paths: Paths): CgroupEntry {
  const directories = new Set<string>();
  for (const name in paths) if (name !== UNIFIED) directories.add(paths[name]);
  const tasks: string[] = [];
  for (const directory of directories) tasks.push(`${directory}/tasks`);
  return { tasks, cloneInto: paths[UNIFIED] ?? null };
}

/**
 * The cgroup of a container's init, for a process that may not enter the container's own cgroup. On v2 a
 * cgroup that hands controllers to its children has processes in the children only. An init that does this
 * (systemd, a nested runtime) has first moved itself into one. runc does the same.
 *
 * @param recorded The container's directory in the v2 hierarchy, as it was at create.
 * @param pid The init's pid.
 * @param errno The kernel's error for the recorded cgroup.
 * @returns Undefined for other errors, and where the init is in the same cgroup or in one that cannot be
 * seen.
 */
export function cgroupOfInit(recorded: string, pid: number, errno: number): string | undefined {
  if (!REFUSED.includes(errno)) return undefined;
  const path = /^0::(\/.*)$/m.exec(readText(`/proc/${pid}/cgroup`))?.[1];
  if (path === undefined || path.startsWith("/..")) return undefined;
  // The mount point is the first prefix of the recorded directory below which the init's path is a cgroup.
  for (let at = recorded.indexOf("/", 1); at > 0; at = recorded.indexOf("/", at + 1)) {
    const directory = recorded.slice(0, at) + (path === "/" ? "" : path);
    if (isCgroup(directory)) return directory === recorded ? undefined : directory;
  }
  return undefined;
}

function isCgroup(directory: string): boolean {
  return isFile(`${directory}/cgroup.procs`);
}
