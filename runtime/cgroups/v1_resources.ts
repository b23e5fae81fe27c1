/**
 * What each field of `linux.resources` becomes on cgroup v1: one row per field, in the order of writing.
 *
 * Devices have a table of their own, {@linkcode ./devices_v1.ts}. Sources: runtime-spec config-linux.md
 * "Control groups"; kernel documents admin-guide/cgroup-v1 and scheduler/sched-bwc.rst, sched-rt-group.rst.
 * @module
 */
import { EBUSY, ENOENT, EOPNOTSUPP } from "../../ffi/errno.ts";
import { INT64_MAX, toDecimal, toUint64 } from "../../spec/integers.ts";
import type { Int64, Uint64 } from "../../spec/integers.ts";
import type { LinuxBlockIODevice, LinuxRdma, LinuxResources } from "../../spec/types.ts";
import { RuntimeError } from "../errors.ts";
import { hugetlbRows } from "./hugetlb.ts";

/** Reads a control file of the row's directory. */
export type ReadFile = (file: string) => string;

/** One field and the file that it is written to. */
export interface Row {
  controller: string;
  /** JSON path below `linux.resources`. */
  field: string;
  /** Control file; of several the first that this kernel has. */
  file: string | readonly [string, string];
  /** What is written; one write each where there are several; undefined when nothing was asked for. */
  convert(resources: LinuxResources): string | readonly string[] | undefined;
  /** The kernel may refuse (EINVAL) the value next to an old value of this file: write it again after that one. */
  retryAfter?: string;
  /** Has to be in place before a process enters. */
  beforeJoin?: boolean;
  /** Errnos that mean "this kernel has no such knob", where runc goes on without it. */
  tolerate?: readonly number[];
  /** Refuses a value before it is written. @throws {RuntimeError} */
  check?(resources: LinuxResources, read: ReadFile): void;
  /** Looks at what the kernel made of the value. @throws {RuntimeError} */
  verify?(resources: LinuxResources, read: ReadFile): void;
  /** A clearer message than the errno's, if there is one. */
  explain?(errno: number, value: string, read: ReadFile): string | undefined;
}

/** The rows for these resources: the fixed table, and one row per huge page size. */
export function rowsFor(resources: LinuxResources, hostPageSizes: () => string[]): Row[] {
  const hugetlb = resources.hugepageLimits;
  return hugetlb?.length ? [...ROWS, ...hugetlbRows(hugetlb, hostPageSizes())] : ROWS as Row[];
}

const ROWS: readonly Row[] = [
  {
    controller: "cpuset",
    field: "cpu.cpus",
    file: "cpuset.cpus",
    convert: (r) => r.cpu?.cpus || undefined,
    beforeJoin: true,
  },
  {
    controller: "cpuset",
    field: "cpu.mems",
    file: "cpuset.mems",
    convert: (r) => r.cpu?.mems || undefined,
    beforeJoin: true,
  },
  {
    controller: "memory",
    field: "memory.useHierarchy",
    file: "memory.use_hierarchy",
    convert: (r) => r.memory?.useHierarchy === undefined ? undefined : r.memory.useHierarchy ? "1" : "0",
  },
  {
    controller: "memory",
    field: "memory.limit",
    file: "memory.limit_in_bytes",
    convert: (r) => unlessZero(r.memory?.limit),
    // Raising both: the new limit exceeds the old memory+swap limit. Lowering both works in this order.
    retryAfter: "memory.memsw.limit_in_bytes",
    check: (r, read) => rejectBelowUsage(r, r.memory?.limit, "memory limit", "memory.usage_in_bytes", read),
    explain: explainMemoryBusy,
  },
  {
    controller: "memory",
    field: "memory.swap",
    file: "memory.memsw.limit_in_bytes",
    convert: (r) => unlessZero(r.memory?.swap),
    check: (r, read) =>
      rejectBelowUsage(r, r.memory?.swap, "memory+swap limit", "memory.memsw.usage_in_bytes", read),
  },
  {
    // No memory limit means no memory+swap limit either, on kernels that count swap.
    controller: "memory",
    field: "memory.limit",
    file: "memory.memsw.limit_in_bytes",
    convert: (r) => isUnlimited(r.memory?.limit) && !r.memory?.swap ? "-1" : undefined,
    tolerate: [ENOENT],
  },
  {
    controller: "memory",
    field: "memory.reservation",
    file: "memory.soft_limit_in_bytes",
    convert: (r) => unlessZero(r.memory?.reservation),
  },
  {
    // Obsolete: recent kernels take the value and do nothing with it, refuse it, or have no such file.
    controller: "memory",
    field: "memory.kernel",
    file: "memory.kmem.limit_in_bytes",
    convert: (r) => unlessZero(r.memory?.kernel),
    tolerate: [ENOENT, EOPNOTSUPP],
  },
  {
    controller: "memory",
    field: "memory.kernelTCP",
    file: "memory.kmem.tcp.limit_in_bytes",
    convert: (r) => unlessZero(r.memory?.kernelTCP),
    tolerate: [ENOENT, EOPNOTSUPP],
  },
  {
    controller: "memory",
    field: "memory.disableOOMKiller",
    file: "memory.oom_control",
    convert: (r) => r.memory?.disableOOMKiller ? "1" : undefined,
  },
  {
    controller: "memory",
    field: "memory.swappiness",
    file: "memory.swappiness",
    convert: (r) => swappiness(r.memory?.swappiness),
  },
  {
    controller: "cpu",
    field: "cpu.shares",
    file: "cpu.shares",
    convert: (r) => unlessZero(r.cpu?.shares),
    verify: verifyShares,
  },
  {
    controller: "cpu",
    field: "cpu.period",
    file: "cpu.cfs_period_us",
    convert: (r) => unlessZero(r.cpu?.period),
    retryAfter: "cpu.cfs_quota_us",
  },
  {
    controller: "cpu",
    field: "cpu.burst",
    file: "cpu.cfs_burst_us",
    convert: (r) => digits(r.cpu?.burst),
    retryAfter: "cpu.cfs_quota_us",
    tolerate: [ENOENT],
  },
  {
    controller: "cpu",
    field: "cpu.quota",
    file: "cpu.cfs_quota_us",
    convert: (r) => unlessZero(r.cpu?.quota),
  },
  { controller: "cpu", field: "cpu.idle", file: "cpu.idle", convert: (r) => digits(r.cpu?.idle) },
  {
    // A real-time process cannot enter a group that has no real-time budget.
    controller: "cpu",
    field: "cpu.realtimePeriod",
    file: "cpu.rt_period_us",
    convert: (r) => unlessZero(r.cpu?.realtimePeriod),
    retryAfter: "cpu.rt_runtime_us",
    beforeJoin: true,
  },
  {
    controller: "cpu",
    field: "cpu.realtimeRuntime",
    file: "cpu.rt_runtime_us",
    convert: (r) => unlessZero(r.cpu?.realtimeRuntime),
    beforeJoin: true,
  },
  { controller: "pids", field: "pids.limit", file: "pids.max", convert: (r) => pidsMax(r.pids?.limit) },
  {
    controller: "blkio",
    field: "blockIO.weight",
    file: ["blkio.weight", "blkio.bfq.weight"],
    convert: (r) => unlessZero(r.blockIO?.weight),
  },
  {
    controller: "blkio",
    field: "blockIO.leafWeight",
    file: "blkio.leaf_weight",
    convert: (r) => unlessZero(r.blockIO?.leafWeight),
  },
  {
    controller: "blkio",
    field: "blockIO.weightDevice[].weight",
    file: ["blkio.weight_device", "blkio.bfq.weight_device"],
    convert: (r) => perDevice(r.blockIO?.weightDevice?.filter((d) => d.weight), (d) => d.weight ?? 0),
  },
  {
    controller: "blkio",
    field: "blockIO.weightDevice[].leafWeight",
    file: "blkio.leaf_weight_device",
    convert: (r) => perDevice(r.blockIO?.weightDevice?.filter((d) => d.leafWeight), (d) => d.leafWeight ?? 0),
  },
  {
    controller: "blkio",
    field: "blockIO.throttleReadBpsDevice",
    file: "blkio.throttle.read_bps_device",
    convert: (r) => perDevice(r.blockIO?.throttleReadBpsDevice, (d) => d.rate),
  },
  {
    controller: "blkio",
    field: "blockIO.throttleWriteBpsDevice",
    file: "blkio.throttle.write_bps_device",
    convert: (r) => perDevice(r.blockIO?.throttleWriteBpsDevice, (d) => d.rate),
  },
  {
    controller: "blkio",
    field: "blockIO.throttleReadIOPSDevice",
    file: "blkio.throttle.read_iops_device",
    convert: (r) => perDevice(r.blockIO?.throttleReadIOPSDevice, (d) => d.rate),
  },
  {
    controller: "blkio",
    field: "blockIO.throttleWriteIOPSDevice",
    file: "blkio.throttle.write_iops_device",
    convert: (r) => perDevice(r.blockIO?.throttleWriteIOPSDevice, (d) => d.rate),
  },
  {
    controller: "net_cls",
    field: "network.classID",
    file: "net_cls.classid",
    convert: (r) => unlessZero(r.network?.classID),
  },
  {
    controller: "net_prio",
    field: "network.priorities",
    file: "net_prio.ifpriomap",
    convert: (r) => list(r.network?.priorities?.map((p) => `${p.name} ${p.priority}`)),
  },
  {
    controller: "rdma",
    field: "rdma",
    file: "rdma.max",
    convert: (r) => list(Object.entries(r.rdma ?? {}).map(([device, limits]) => rdmaLine(device, limits))),
  },
];

/** Decimal digits; a number that JSON parsing rounded up to 2^63 or 2^64 is the largest 64-bit integer again. */
function digits(value: Int64 | Uint64 | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value === 2 ** 63) return INT64_MAX.toString();
  return value >= 2 ** 64 ? toUint64(value).toString() : toDecimal(value);
}

/** Digits of a field of which 0 means that nothing is asked for. */
function unlessZero(value: Int64 | Uint64 | undefined): string | undefined {
  return value === undefined || BigInt(value) === 0n ? undefined : digits(value);
}

function list(values: readonly string[] | undefined): readonly string[] | undefined {
  return values?.length ? values : undefined;
}

function perDevice<T extends LinuxBlockIODevice>(
  devices: readonly T[] | undefined,
  value: (device: T) => Uint64,
): readonly string[] | undefined {
  return list(devices?.map((device) => `${device.major}:${device.minor} ${digits(value(device))}`));
}

function isUnlimited(limit: Int64 | undefined): boolean {
  return limit !== undefined && BigInt(limit) === -1n;
}

/** 2^64-1 is -1 in a field without a sign: unset. */
function swappiness(value: Uint64 | undefined): string | undefined {
  if (value === undefined || value < 0 || toUint64(value) === 2n ** 64n - 1n) return undefined;
  if (value <= 100) return digits(value);
  throw new RuntimeError(`invalid memory swappiness value: ${digits(value)} (valid range is 0-100)`);
}

/** 0 becomes 1, as the systemd driver has to do: no further process either way, since the init counts. */
function pidsMax(limit: Int64 | undefined): string | undefined {
  if (limit === undefined) return undefined;
  return limit < 0 ? "max" : BigInt(limit) === 0n ? "1" : digits(limit);
}

function rdmaLine(device: string, { hcaHandles, hcaObjects }: LinuxRdma): string {
  const handles = hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`;
  const objects = hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`;
  return device + handles + objects;
}

/** The kernel takes any number of shares and makes it fit. */
function verifyShares({ cpu }: LinuxResources, read: ReadFile): void {
  const wanted = BigInt(cpu?.shares ?? 0);
  if (wanted >= 2n && wanted <= 262144n) return; // MIN_SHARES and MAX_SHARES of kernel/sched: kept as they are
  const kept = BigInt(read("cpu.shares").trim());
  if (wanted > kept) throw new RuntimeError(`the maximum allowed cpu-shares is ${kept}`);
  if (wanted < kept) throw new RuntimeError(`the minimum allowed cpu-shares is ${kept}`);
}

function rejectBelowUsage(
  { memory }: LinuxResources,
  limit: Int64 | undefined,
  what: string,
  usageFile: string,
  read: ReadFile,
): void {
  if (!memory?.checkBeforeUpdate || limit === undefined || limit <= 0) return;
  const usage = BigInt(read(usageFile).trim());
  if (BigInt(limit) <= usage) throw new RuntimeError(`rejecting ${what} ${digits(limit)} <= usage ${usage}`);
}

/** EBUSY: even after reclaim more memory is in use than the limit allows. */
function explainMemoryBusy(errno: number, value: string, read: ReadFile): string | undefined {
  if (errno !== EBUSY) return undefined;
  const usage = read("memory.usage_in_bytes").trim(), peak = read("memory.max_usage_in_bytes").trim();
  return `unable to set memory limit to ${value} (current usage: ${usage}, peak usage: ${peak})`;
}
