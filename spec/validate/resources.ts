/**
 * Rules of the rare cgroup limits: runtime-spec `config-linux.md`, section Control groups.
 *
 * @module
 */
import { type Partly, propertyPath, type Report } from "../rules/report.ts";
import type { LinuxResources } from "../types.ts";

/** All rules of resources that clients seldom send. `path` is the path of the resources with a dot. */
export function checkRareResources(resources: Partly<LinuxResources>, path: string, report: Report): void {
  const { cpu, blockIO, rdma = {} } = resources;
  const { quota = 0, burst = 0 } = cpu ?? {};
  if (quota > 0 && burst > quota) {
    report(`${path}cpu.burst`, `burst ${burst} is larger than quota ${quota}`);
  }
  for (const [index, { weight, leafWeight }] of blockIO?.weightDevice?.entries() ?? []) {
    if (weight !== undefined || leafWeight !== undefined) continue;
    report(`${path}blockIO.weightDevice[${index}]`, "must have a weight or a leafWeight");
  }
  for (const [device, { hcaHandles, hcaObjects } = {}] of Object.entries(rdma)) {
    if (hcaHandles !== undefined || hcaObjects !== undefined) continue;
    report(propertyPath(`${path}rdma`, device), "must have hcaHandles or hcaObjects");
  }
}
