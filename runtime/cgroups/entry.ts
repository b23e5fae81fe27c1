/**
 * How a process enters the cgroups of a container that exists: from the record alone, since to load a driver takes
 * longer than to enter.
 * @module
 */
import { EBUSY, ENODEV, ENOENT, EOPNOTSUPP } from "../../ffi/errno.ts";
import type { CgroupEntry } from "./types.ts";

/** Name of the cgroup v2 hierarchy, as in path.ts, which has too much else to be loaded for it. */
const UNIFIED = "unified";

/** What the kernel answers where no process may enter: it holds controllers, is threaded, or is not there (any more). */
const REFUSED: readonly number[] = [EBUSY, EOPNOTSUPP, ENOENT, ENODEV];

/** Directories by controller, as a record has them. */
export type Paths = Readonly<Record<string, string>>;

/**
 * Each directory once: the v1 ones by their `tasks`, the v2 one by its path.
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
 * Where a container's init is, for a process that may not enter the container's own cgroup: on v2 a cgroup that hands
 * controllers to its children has processes in those only, so an init that does so (systemd, a nested runtime) has
 * moved itself first. runc does the same.
 *
 * @param recorded The container's directory in the v2 hierarchy, as it was at create.
 * @param pid Of the init.
 * @param errno Why the recorded one was refused.
 * @returns Undefined for other errors, and where the init is in the same cgroup or in one that cannot be seen.
 */
export function cgroupOfInit(recorded: string, pid: number, errno: number): string | undefined {
  if (!REFUSED.includes(errno)) return undefined;
  const path = /^0::(\/.*)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/cgroup`))?.[1];
  if (path === undefined || path.startsWith("/..")) return undefined;
  // The mount point is the first part of the recorded directory below which the init's path is a cgroup.
  for (let at = recorded.indexOf("/", 1); at > 0; at = recorded.indexOf("/", at + 1)) {
    const directory = recorded.slice(0, at) + (path === "/" ? "" : path);
    if (isCgroup(directory)) return directory === recorded ? undefined : directory;
  }
  return undefined;
}

function isCgroup(directory: string): boolean {
  try {
    return Deno.statSync(`${directory}/cgroup.procs`).isFile;
  } catch {
    return false;
  }
}
