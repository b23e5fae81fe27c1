/**
 * Limits on cgroup v1.
 * @module
 */
import type { LinuxResources } from "../../../spec/types.ts";
import { applyRows } from "../apply.ts";
import type { CgroupFs } from "../fs.ts";
import { HUGEPAGES_DIRECTORY, pageSizeNames } from "../hugetlb.ts";
import { rowsFor } from "./resources.ts";

/**
 * Writes the limits that are asked for.
 *
 * @param paths Directories by controller.
 * @param phase `beforeJoin`: only limits that must be set before a process enters.
 * @throws {RuntimeError} when the container has no cgroup of a limit's controller, or the kernel refuses a
 * limit.
 */
export function applyResources(
  fs: CgroupFs,
  paths: Readonly<Record<string, string>>,
  resources: LinuxResources,
  phase: "beforeJoin" | "all",
): void {
  const rows = rowsFor(resources, () => pageSizeNames(fs.list(HUGEPAGES_DIRECTORY)));
  applyRows(fs, paths, resources, rows, phase);
}
