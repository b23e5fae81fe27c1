/**
 * What this host's cgroups lack for the limits of a config: found without making a cgroup, by the tables that
 * the drivers write from.
 *
 * Sources: kernel documents admin-guide/cgroup-v1 and admin-guide/cgroup-v2.rst; kernel/cgroup/pids.c,
 * kernel/sched/core.c for the ranges.
 * @module
 */
import { ENOENT } from "../../ffi/errno.ts";
import { parseCpuList } from "../../spec/cpu_list.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { propertyPath } from "../../spec/rules/report.ts";
import { HUGEPAGES_DIRECTORY, pageSizeNames } from "./hugetlb.ts";
import { isUnified, mountsByController, ownDirectory, UNIFIED } from "./path.ts";
import type { Row } from "./row.ts";
import type { CgroupHost } from "./types.ts";
import { rowsFor } from "./v1/resources.ts";
import { controllersOf } from "./v2/tree.ts";
import { rowsV2 } from "./v2/resources.ts";

/** Something that the host lacks. */
export interface Lack {
  /** Path below `linux.resources`, such as `memory.swap`. */
  path: string;
  reason: string;
  fix?: string;
  /** The container is made without it. */
  dropped?: boolean;
}

/**
 * The limits that this host cannot set, or leaves out.
 *
 * @param resources Limits without a problem of their own.
 * @param barred Controllers, or `unified`, in whose hierarchies the caller may not make a cgroup.
 */
export function lackingLimits(
  host: CgroupHost,
  resources: LinuxResources,
  barred: ReadonlySet<string> = new Set(),
): Lack[] {
  const unified = isUnified(host.mounts);
  return [
    ...unknownPageSizes(host, resources),
    ...(unified ? lackingV2(host, resources, barred) : lackingV1(host, resources, barred)),
    ...beyondRanges(resources),
    ...absentCpus(host, resources, unified),
  ];
}

/** A field and its value's absence of a counterpart. */
const dropped = (path: string, version: number): Lack => ({
  path,
  reason: `has no counterpart on cgroup v${version}: ignored`,
  fix: "remove it",
  dropped: true,
});

/** The rows that would write something, with the paths of their fields. */
function askedFor(rows: readonly Row[], resources: LinuxResources): { row: Row; path: string }[] {
  return rows.flatMap((row) => {
    const group = resources[row.group] as Record<string, unknown> | undefined;
    const value = row.field === undefined ? group : group?.[row.field];
    if (value === undefined || value === null) return [];
    const written = row.convert(value, resources);
    if (written === undefined || written.length === 0) return [];
    return [{ row, path: row.field === undefined ? row.group : propertyPath(row.group, row.field) }];
  });
}

/** The resources without page sizes that the host lacks, for which there are no rows. */
function withoutHugepages(resources: LinuxResources): LinuxResources {
  const { hugepageLimits: _, ...rest } = resources;
  return rest;
}

function hostPageSizes({ fs }: CgroupHost): string[] {
  return pageSizeNames(fs.list(HUGEPAGES_DIRECTORY));
}

function unknownPageSizes(host: CgroupHost, { hugepageLimits = [] }: LinuxResources): Lack[] {
  const known = hugepageLimits.length > 0 ? hostPageSizes(host) : [];
  return hugepageLimits.flatMap(({ pageSize }, index) =>
    known.includes(pageSize) ? [] : [{
      path: `hugepageLimits[${index}].pageSize`,
      reason: `this host has no huge pages of ${pageSize}`,
      fix: known.length > 0 ? `one of ${known.join(", ")}` : "remove it",
    }]
  );
}

function lackingV1(host: CgroupHost, resources: LinuxResources, barred: ReadonlySet<string>): Lack[] {
  const found: Lack[] = [], mounts = mountsByController(host.mounts);
  if (Object.keys(resources.unified ?? {}).length > 0) {
    found.push({ path: "unified", reason: "cgroup v1 has no unified files", fix: "remove it" });
  }
  const { hugepageLimits = [] } = resources, names = hostPageSizes(host);
  const known = hugepageLimits.filter(({ pageSize }) => names.includes(pageSize));
  const rows = rowsFor({ ...resources, hugepageLimits: known }, () => names);
  for (const { row, path } of askedFor(rows, resources)) {
    const mount = mounts[row.controller];
    if (mount === undefined) {
      found.push({
        path,
        reason: `this host has no cgroup v1 controller ${row.controller}`,
        fix: `mount it, or remove the limit`,
      });
    } else if (barred.has(row.controller)) {
      found.push(mayNot(path, row.controller));
    } else if (!row.tolerate?.includes(ENOENT) && !hasFile(host, row, row.controller)) {
      found.push(noFile(path, row));
    }
  }
  return found;
}

function mayNot(path: string, controller: string): Lack {
  return {
    path,
    reason: `you may not make a cgroup of the ${controller} controller`,
    fix: "remove the limit, or have cgroups delegated to you and use --systemd-cgroup",
  };
}

function noFile(path: string, { file }: Row): Lack {
  const name = typeof file === "string" ? file : file.join(" or ");
  const swap = name.includes("memsw");
  return {
    path,
    reason: `this kernel's cgroups have no file ${name}`,
    fix: swap ? 'boot with "swapaccount=1", or remove the limit' : "remove the limit",
  };
}

/**
 * Whether the cgroups of a controller have the file of a row. Some files are in no root, so a cgroup below is
 * looked at; where there is none, the file counts as there.
 */
function hasFile(host: CgroupHost, { file }: Row, controller: string): boolean {
  const mount = mountsByController(host.mounts)[controller];
  let dir = ownDirectory(mount, host.own().get(controller) ?? "/");
  if (dir === mount.mountpoint) {
    const child = host.fs.list(dir)[0];
    if (child === undefined) return true;
    dir += `/${child}`;
  }
  return (typeof file === "string" ? [file] : file).some((name) => host.fs.exists(dir, name));
}

function lackingV2(host: CgroupHost, resources: LinuxResources, barred: ReadonlySet<string>): Lack[] {
  const mount = mountsByController(host.mounts)[UNIFIED];
  const names = hostPageSizes(host), { hugepageLimits = [] } = resources;
  const known = hugepageLimits.filter(({ pageSize }) => names.includes(pageSize));
  const asked = known.length > 0 ? { ...resources, hugepageLimits: known } : withoutHugepages(resources);
  const rows = rowsV2(asked, { pageSizes: () => names, exists: () => false });
  const controllers = controllersAt(host, mount.mountpoint);
  const found = fieldsOfV1(resources);
  for (const { row, path } of askedFor(rows, resources)) {
    const file = typeof row.file === "string" ? row.file : row.file[0], controller = file.split(".")[0];
    const at = row.group === "unified" ? propertyPath("unified", file) : path;
    if (barred.has(UNIFIED)) found.push(mayNot(at, controller));
    else if (controller !== "cgroup" && controllers !== undefined && !controllers.includes(controller)) {
      found.push({
        path: at,
        reason: `this host's cgroup v2 has no ${controller} controller`,
        fix: `have it delegated (${mount.mountpoint}/cgroup.subtree_control), or remove the limit`,
      });
    }
  }
  return found;
}

/** The controllers of a hierarchy; undefined if they cannot be read. */
function controllersAt({ fs }: CgroupHost, dir: string): string[] | undefined {
  try {
    return controllersOf(fs, dir);
  } catch {
    return undefined;
  }
}

/** Fields that only cgroup v1 has. */
function fieldsOfV1({ memory = {}, cpu = {}, blockIO = {}, network }: LinuxResources): Lack[] {
  const asked: [path: string, value: unknown][] = [
    ["memory.swappiness", memory.swappiness],
    ["memory.disableOOMKiller", memory.disableOOMKiller],
    ["memory.useHierarchy", memory.useHierarchy],
    ["cpu.realtimePeriod", cpu.realtimePeriod],
    ["cpu.realtimeRuntime", cpu.realtimeRuntime],
    ["blockIO.leafWeight", blockIO.leafWeight],
    ["network", network && Object.keys(network).length > 0],
  ];
  return asked.filter(([, value]) => value).map(([path]) => dropped(path, 2));
}

/** Values that the kernel refuses on every host. */
function beyondRanges({ cpu = {}, pids }: LinuxResources): Lack[] {
  const found: Lack[] = [];
  const { period = 0, quota = 0 } = cpu;
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    const reason = "the kernel takes periods from 1 millisecond to 1 second";
    found.push({ path: "cpu.period", reason, fix: "from 1000 to 1000000 microseconds" });
  }
  if (quota > 0 && quota < 1000) {
    const reason = "the kernel takes quotas of at least 1 millisecond";
    found.push({ path: "cpu.quota", reason, fix: "1000 microseconds or more, or -1" });
  }
  if (pids?.limit !== undefined && pids.limit > 4_194_304) {
    const reason = "is more than the processes that a kernel can have";
    found.push({ path: "pids.limit", reason, fix: "at most 4194304, or -1" });
  }
  return found;
}

/** CPUs and memory nodes that the hierarchy does not have. cgroup v2 takes such a list, and ignores them. */
function absentCpus(host: CgroupHost, { cpu = {} }: LinuxResources, unified: boolean): Lack[] {
  const mount = mountsByController(host.mounts)[unified ? UNIFIED : "cpuset"];
  if (mount === undefined) return [];
  return (["cpus", "mems"] as const).flatMap((field) => {
    const given = cpu[field] ?? "";
    const there = given && textOf(host, mount.mountpoint, `cpuset.${field}${unified ? ".effective" : ""}`);
    if (!there) return [];
    const known = parseCpuList(there), absent = [...parseCpuList(given)].filter((it) => !known.has(it));
    if (absent.length === 0) return [];
    const reason = `this host has not the ${field === "cpus" ? "CPUs" : "memory nodes"} ${absent.join(",")}`;
    return [{ path: `cpu.${field}`, reason, fix: `of ${there}`, ...unified && { dropped: true } }];
  });
}

function textOf({ fs }: CgroupHost, dir: string, file: string): string {
  try {
    return fs.read(dir, file).trim();
  } catch {
    return "";
  }
}
