/**
 * Limits on cgroup v2.
 * @module
 */
import { ENOENT } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { applyRows } from "../apply.ts";
import { CgroupFileError, type CgroupFs } from "../fs.ts";
import { HUGEPAGES_DIRECTORY, pageSizeNames } from "../hugetlb.ts";
import { UNIFIED } from "../path.ts";
import { controllersOf, enabledIn } from "./tree.ts";
import { rowsV2 } from "./resources.ts";

/** The fields of `linux.resources` for each controller. */
const FIELDS: Readonly<Record<string, string>> = {
  memory: "memory",
  cpu: "cpu",
  cpuset: "cpu.cpus or cpu.mems",
  io: "blockIO",
  pids: "pids",
  hugetlb: "hugepageLimits",
  rdma: "rdma",
};

/**
 * Writes the limits that are asked for.
 *
 * @param paths The one directory, by the name `unified`.
 * @throws {RuntimeError} when the kernel refuses a limit, or the container's cgroup lacks its controller; in
 * the second case with a remedy.
 */
export function applyUnified(
  fs: CgroupFs,
  paths: Readonly<Record<string, string>>,
  resources: LinuxResources,
): void {
  const dir = paths[UNIFIED];
  const rows = rowsV2(resources, {
    pageSizes: () => pageSizeNames(fs.list(HUGEPAGES_DIRECTORY)),
    exists: (file) => dir !== undefined && fs.exists(dir, file),
  });
  try {
    applyRows(fs, paths, resources, rows, "all");
  } catch (error) {
    const reason = error instanceof CgroupFileError ? missingController(fs, dir, error) : undefined;
    throw reason === undefined ? error : new RuntimeError("EINVAL_RESOURCES", reason);
  }
}

/** The reason for a missing file, if its controller is missing. */
function missingController(fs: CgroupFs, dir: string, error: CgroupFileError): string | undefined {
  const file = error.path.slice(error.path.lastIndexOf("/") + 1);
  const controller = file.split(".")[0];
  if (error.errno !== ENOENT || !Object.hasOwn(FIELDS, controller)) return undefined;
  if (!fs.exists(dir, "cgroup.controllers") || controllersOf(fs, dir).includes(controller)) return undefined;
  return `cannot set ${file} to ${JSON.stringify(error.value)} (linux.resources.${FIELDS[controller]}): ` +
    `the cgroup ${dir} has no ${controller} controller: ${remedy(fs, dir, controller)}`;
}

/** Where on the way down the controller ends, and the remedy. */
function remedy(fs: CgroupFs, dir: string, controller: string): string {
  for (let above = parentOf(dir); fs.exists(above, "cgroup.controllers"); above = parentOf(above)) {
    if (!controllersOf(fs, above).includes(controller)) continue;
    if (enabledIn(fs, above).includes(controller)) break;
    return `enable it by writing "+${controller}" to ${above}/cgroup.subtree_control,` +
      " for which no process may be in that cgroup itself unless it is the root";
  }
  return "it is not handed down to this part of the tree; the kernel lacks it, " +
    "or it is disabled on its command line, or mounted as cgroup v1";
}

function parentOf(dir: string): string {
  return dir.slice(0, dir.lastIndexOf("/"));
}
