/**
 * How a process enters the cgroups of a container that exists: from the record alone, since to load a driver takes
 * longer than to enter.
 * @module
 */
import { RuntimeError } from "../errors.ts";
import type { CgroupEntry } from "./driver.ts";
import { cleanPath, UNIFIED } from "./path.ts";

/** Directories by controller, as a record has them. */
type Paths = Readonly<Record<string, string>>;

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
 * The directories that `exec --cgroup` asks for.
 *
 * @param paths The container's own directories.
 * @param wanted `path` below all of them, or `controller[,controller]:path` below those of some controllers.
 * @throws {RuntimeError} In runc's words, for a path outside the container's cgroup and an unknown controller.
 */
export function subCgroups(paths: Paths, wanted: readonly string[]): Record<string, string> {
  const result = { ...paths };
  for (const item of wanted) {
    const parts = item.split(":");
    if (parts.length > 2) throw new RuntimeError(`invalid --cgroup argument: ${item}`);
    if (parts.length === 1 && wanted.length > 1) {
      throw new RuntimeError(`invalid --cgroup argument: ${item} (missing <controller>: prefix)`);
    }
    const names = parts.length === 1 ? Object.keys(paths) : parts[0].split(",");
    const path = parts[parts.length - 1];
    for (const name of names) {
      if (!Object.hasOwn(paths, name)) throw new RuntimeError(`unknown controller ${name} in SubCgroupPaths`);
      result[name] = below(paths[name], path);
    }
  }
  return result;
}

function below(directory: string, path: string): string {
  const full = cleanPath(`${directory}/${path}`);
  if (full !== directory && !full.startsWith(`${directory}/`)) {
    throw new RuntimeError(`bad sub cgroup path: ${path} is not a sub cgroup path`);
  }
  return full;
}
