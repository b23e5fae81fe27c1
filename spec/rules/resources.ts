/**
 * Rules of the usual cgroup limits: runtime-spec `config-linux.md`, section Control groups.
 *
 * @module
 */
import type { LinuxResources } from "../types.ts";
import { type Partly, propertyPath, quote, type Report } from "./report.ts";

/**
 * All rules of the resources that clients usually send.
 *
 * @param path Path of the resources with a dot, empty for a document that is one.
 * @param update The limits change existing ones. A limit may then rely on another limit that is not given.
 */
export function checkResources(
  resources: Partly<LinuxResources>,
  path: string,
  update: boolean,
  report: Report,
): void {
  checkDeviceRules(resources, path, report);
  checkMemory(resources, path, update, report);
  const { hugepageLimits = [], unified } = resources;
  for (let index = 0; index < hugepageLimits.length; index++) {
    const { pageSize } = hugepageLimits[index];
    if (pageSize === undefined || /^[1-9]\d*[KMGTPE]?B$/.test(pageSize)) continue;
    const at = `${path}hugepageLimits[${index}].pageSize`;
    report(at, `invalid huge page size ${quote(pageSize)}`, "such as 64KB, 2MB, 1GB");
  }
  for (const file in unified) {
    const reason = refuseFile(file);
    if (reason !== undefined) {
      report(propertyPath(`${path}unified`, file), `unified resource ${quote(file)} ${reason}`);
    }
  }
}

function checkDeviceRules({ devices = [] }: Partly<LinuxResources>, path: string, report: Report): void {
  for (let index = 0; index < devices.length; index++) {
    const { access } = devices[index];
    // Other letters are ignored, as runc does.
    if (access === undefined || access.includes("r") || access.includes("w") || access.includes("m")) {
      continue;
    }
    const reason = access === ""
      ? `device access at ${index} field cannot be empty`
      : `invalid device access ${quote(access)}`;
    report(`${path}devices[${index}].access`, reason, "a composition of r, w and m");
  }
}

function checkMemory(
  { memory }: Partly<LinuxResources>,
  path: string,
  update: boolean,
  report: Report,
): void {
  if (memory === undefined) return;
  const { limit = 0, swap = 0, swappiness = 0 } = memory;
  // Clients write 2^64-1 for -1, which means unset.
  if (swappiness > 100 && swappiness < 2 ** 63) {
    const reason = `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`;
    report(`${path}memory.swappiness`, reason);
  }
  if (swap <= 0) return;
  if (!limit) {
    if (update) return;
    const reason = "unable to set swap limit without memory limit";
    report(`${path}memory.swap`, reason, "set limit too", `${path}memory.limit`);
  } else if (limit > 0 && swap < limit) {
    report(`${path}memory.swap`, "memory+swap limit should be >= memory limit");
  }
}

/**
 * Files of a cgroup that move processes into it or end its processes. If `unified` wrote them, `delete` would
 * kill processes of the host.
 */
const NO_LIMITS = ["cgroup.procs", "cgroup.threads", "cgroup.kill"];

/** Why `unified` may not write that file; undefined if it may. */
function refuseFile(file: string): string | undefined {
  if (file.includes("/")) return "must be a file name (no slashes)";
  if (file === "" || file === "." || file === ".." || file.includes("\0")) return "is not a file name";
  return NO_LIMITS.includes(file) ? "is no limit: it moves or ends processes" : undefined;
}
