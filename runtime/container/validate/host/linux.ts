/**
 * Parts of `linux` that depend on the host: kernel parameters, network devices, Intel RDT, cgroups, filters.
 * @module
 */

import { reasonOf } from "../../../../ffi/errors.ts";
import { propertyPath } from "../../../../spec/rules/report.ts";
import { sysctlPath } from "../../../../spec/sysctl.ts";
import type { LinuxIntelRdt, LinuxResources, Spec } from "../../../../spec/types.ts";
import {
  type CgroupHost,
  type CgroupRecord,
  loadDriver,
  loadLacking,
  loadResctrl,
} from "../../../cgroups/mod.ts";
import type { HostReport } from "../finding.ts";
import type { Question } from "./check.ts";

/** An interface of the container, which the host need not have, in the path of a parameter. */
const INTERFACE = /^(net\/ipv[46]\/(?:conf|neigh)\/)[^/]+/;

/** Parameters that this kernel does not have. */
export function checkParameters({ spec, host }: Question, report: HostReport): void {
  for (const name of Object.keys(spec.linux?.sysctl ?? {})) {
    const path = sysctlPath(name), general = path.replace(INTERFACE, "$1default");
    if ([path, general].some((it) => host.kind(`/proc/sys/${it}`) !== undefined)) continue;
    report(propertyPath("linux.sysctl", name), `this kernel has no /proc/sys/${path}`, "remove it");
  }
}

/** Network devices that are not there to be moved. */
export function checkDevices({ spec, host }: Question, report: HostReport): void {
  if (host.kind("/sys/class/net") === undefined) return;
  for (const name of Object.keys(spec.linux?.netDevices ?? {})) {
    if (host.kind(`/sys/class/net/${name}`) !== undefined) continue;
    const known = host.names("/sys/class/net").filter((it) => it !== "lo").join(", ");
    const rule = "this host has no such network device";
    report(propertyPath("linux.netDevices", name), rule, known === "" ? "make it first" : `one of ${known}`);
  }
}

/** A class of Intel RDT that cannot be had. */
export async function checkRdt({ spec, mounts }: Question, report: HostReport): Promise<void> {
  const rdt = spec.linux?.intelRdt;
  if (rdt === undefined) return;
  try {
    (await loadResctrl()).planResctrl(rdt as LinuxIntelRdt, "validate", mounts.resctrl());
  } catch (error) {
    report("linux.intelRdt", reasonOf(error), "mount -t resctrl resctrl /sys/fs/resctrl, or remove it");
  }
}

/** The place of the container's cgroups, and its limits. The document has no errors. */
export async function checkCgroups(question: Question, report: HostReport): Promise<void> {
  const { spec, mounts, systemdCgroup, rootless } = question;
  const { planCgroup, readCgroupHost } = await loadDriver(), cgroups = readCgroupHost(mounts.text);
  const cgroupsPath = spec.linux?.cgroupsPath;
  let record: CgroupRecord;
  try {
    const request = {
      ...{ id: "validate", cgroupsPath, systemd: systemdCgroup, rootless },
      spec: spec as Spec,
    };
    const kernel = () => {
      throw new Error("a plan makes no call");
    };
    record = (await planCgroup(kernel, request, cgroups)).record;
  } catch (error) {
    const path = cgroupsPath === undefined ? "linux" : "linux.cgroupsPath";
    return report(path, reasonOf(error), "correct it, or mount cgroups");
  }
  const barred = systemdCgroup || !rootless ? new Set<string>() : barredIn(question, record, cgroups);
  if (barred.size > 0 && cgroupsPath) {
    const rule = `you may not make cgroups of [${[...barred].join(" ")}]`;
    report("linux.cgroupsPath", rule, "remove it, or have cgroups delegated and use --systemd-cgroup");
  }
  const { lackingLimits } = await loadLacking();
  const resources = (spec.linux?.resources ?? {}) as LinuxResources;
  for (const { path, reason, fix, dropped } of lackingLimits(cgroups, resources, barred)) {
    report(`linux.resources.${path}`, reason, fix, dropped ? "dropped" : undefined);
  }
}

/** The hierarchies in which the caller may not make the container's directory. */
function barredIn({ host }: Question, { paths }: CgroupRecord, { mounts }: CgroupHost): Set<string> {
  const points = mounts.map(({ mountpoint }) => mountpoint);
  const barred = Object.entries(paths).filter(([name, path]) => {
    // Without systemd's own hierarchy, and without v2 beside v1, a container does.
    if (name.startsWith("name=") || name === "unified" && paths.devices !== undefined) return false;
    let above = path;
    while (host.kind(above) === undefined && !points.includes(above) && above.includes("/")) {
      above = above.slice(0, above.lastIndexOf("/"));
    }
    return !host.writable(above);
  });
  return new Set(barred.map(([name]) => name));
}
