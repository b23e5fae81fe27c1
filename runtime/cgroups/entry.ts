/**
 * How a process enters the cgroups of a container that exists: from the record alone, since to load a driver takes
 * longer than to enter.
 * @module
 */
import type { CgroupEntry } from "./driver.ts";

/** Name of the cgroup v2 hierarchy, as in path.ts, which has too much else to be loaded for it. */
const UNIFIED = "unified";

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
