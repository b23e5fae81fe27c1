/**
 * Where in a config.json something stands, as a path: `mounts[3]`.
 * @module
 */

import type { Spec } from "../../../spec/types.ts";

/** A path, with the index of an entry of a list; the list itself where there is no such entry. */
function indexed(list: string, index: number): string {
  return index < 0 ? list : `${list}[${index}]`;
}

/** The mount at a destination. */
export function mountOf(destination: string, { mounts = [] }: Spec): string {
  const clean = (path: string) => path.replace(/(.)\/+$/, "$1");
  return indexed("mounts", mounts.findIndex((mount) => clean(mount.destination) === clean(destination)));
}

/** The namespace of a type. */
export function namespaceOf(type: string, { linux }: Spec): string {
  return indexed("linux.namespaces", (linux?.namespaces ?? []).findIndex((it) => it.type === type));
}

/** The path that is masked or made read-only. */
export function restrictedPath(path: string, { linux }: Spec): string {
  const masked = (linux?.maskedPaths ?? []).indexOf(path);
  return masked >= 0
    ? `linux.maskedPaths[${masked}]`
    : indexed("linux.readonlyPaths", (linux?.readonlyPaths ?? []).indexOf(path));
}

/** Groups of `linux.resources` by the controllers that they set. */
const GROUPS: Readonly<Record<string, string>> = {
  ...{ memory: "memory", cpu: "cpu", cpuset: "cpu", pids: "pids", blkio: "blockIO", io: "blockIO" },
  ...{ hugetlb: "hugepageLimits", net_cls: "network", net_prio: "network", rdma: "rdma", devices: "devices" },
};

/** What sets a control file of a cgroup. */
export function resourceOf(file: string, { linux }: Spec): string {
  if (linux?.resources?.unified && file in linux.resources.unified) {
    return `linux.resources.unified["${file}"]`;
  }
  const group = GROUPS[file.split(".")[0]];
  return group === undefined ? "linux.cgroupsPath" : `linux.resources.${group}`;
}

/** The device of a name in /dev; empty for those that every container has. */
export function deviceOf(name: string, { linux }: Spec): string {
  const index = (linux?.devices ?? []).findIndex(({ path }) => path.endsWith(`/${name}`));
  return index < 0 ? "" : indexed("linux.devices", index);
}

/** The limit of a type; empty where the caller's is kept. */
export function limitOf(type: string, { process: { rlimits = [] } }: Spec): string {
  const index = rlimits.findIndex((limit) => limit.type === type);
  return index < 0 ? "" : indexed("process.rlimits", index);
}

/** The kernel parameter that a file below /proc/sys holds. */
export function sysctlOf(path: string, { linux }: Spec): string {
  const key = Object.keys(linux?.sysctl ?? {}).find((key) => key.replaceAll(/[./]/g, "/") === path);
  return key === undefined ? "linux.sysctl" : `linux.sysctl["${key}"]`;
}

/** The network device that gets a name in the container. */
export function netDeviceOf(name: string, { linux }: Spec): string {
  const entries = Object.entries(linux?.netDevices ?? {});
  const key = entries.find(([key, device]) => (device.name || key) === name)?.[0];
  return key === undefined ? "linux.netDevices" : `linux.netDevices["${key}"]`;
}
