/**
 * `exec --cgroup`: sub-cgroups of a container for one process.
 * @module
 */
import { cleanPath } from "../../spec/clean_path.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { Paths } from "./entry.ts";

/**
 * The directories for the values of `exec --cgroup`.
 *
 * @param paths The container's own directories.
 * @param wanted `path` below all of them, or `controller[,controller]:path` below those of some controllers.
 * @throws {RuntimeError} In runc's words, for a path outside the container's cgroup, and for controllers that
 * are unknown or named twice.
 */
export function subCgroups(paths: Paths, wanted: readonly string[]): Record<string, string> {
  const result = { ...paths };
  const named = new Set<string>();
  for (const item of wanted) {
    const parts = item.split(":");
    if (parts.length > 2) throw new RuntimeError("EINVAL_SUB_CGROUP", `invalid --cgroup argument: ${item}`);
    if (parts.length === 1 && wanted.length > 1) {
      throw new RuntimeError(
        "EINVAL_SUB_CGROUP",
        `invalid --cgroup argument: ${item} (missing <controller>: prefix)`,
      );
    }
    const names = parts.length === 1 ? Object.keys(paths) : parts[0].split(",");
    const path = parts[parts.length - 1];
    if (names.length === 0 && cleanPath(`/${path}`) !== "/") {
      throw new RuntimeError("ENOENT_CGROUP", `bad sub cgroup path: ${path}: the container has no cgroup`);
    }
    for (const name of names) {
      if (name === "") {
        throw new RuntimeError(
          "EINVAL_SUB_CGROUP",
          `invalid --cgroup argument: ${item} (empty <controller> prefix)`,
        );
      }
      if (!Object.hasOwn(paths, name)) {
        throw new RuntimeError("EINVAL_SUB_CGROUP", `unknown controller ${name} in SubCgroupPaths`);
      }
      if (named.has(name)) {
        throw new RuntimeError(
          "EINVAL_SUB_CGROUP",
          `invalid --cgroup argument(s): controller ${name} specified multiple times`,
        );
      }
      named.add(name);
      result[name] = below(paths[name], path);
    }
  }
  return result;
}

function below(directory: string, path: string): string {
  const full = cleanPath(`${directory}/${path}`);
  if (full !== directory && !full.startsWith(`${directory}/`)) {
    throw new RuntimeError("EINVAL_SUB_CGROUP", `bad sub cgroup path: ${path} is not a sub cgroup path`);
  }
  return full;
}
