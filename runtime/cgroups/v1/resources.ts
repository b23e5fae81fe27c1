/**
 * The files of cgroup v1 for each field of `linux.resources`: one row for each field, in the order of
 * writing.
 *
 * Devices have a table of their own, {@linkcode ./devices.ts}. Sources: runtime-spec config-linux.md "Control
 * groups"; kernel documents admin-guide/cgroup-v1 and scheduler/sched-bwc.rst, sched-rt-group.rst.
 * @module
 */
import { EBUSY, ENOENT, EOPNOTSUPP } from "../../../ffi/errno.ts";
import type { Int64, Uint64 } from "../../../spec/integers.ts";
import type { LinuxInterfacePriority, LinuxRdma, LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { hugetlbRows } from "../hugetlb.ts";
import {
  digits,
  nonEmpty,
  nonZero,
  perDevice,
  pidsMax,
  rdmaLine,
  type ReadFile,
  type Row,
  type Values,
} from "../row.ts";

/** The rows for these resources: the fixed table, and rows for each huge page size in them. */
export function rowsFor(resources: LinuxResources, hostPageSizes: () => string[]): readonly Row[] {
  const hugetlb = resources.hugepageLimits;
  return hugetlb?.length ? [...ROWS, ...hugetlbRows(hugetlb, hostPageSizes())] : ROWS;
}

const ROWS: readonly Row[] = [
  {
    controller: "cpuset",
    group: "cpu",
    field: "cpus",
    file: "cpuset.cpus",
    convert: nonEmpty,
    beforeJoin: true,
  },
  {
    controller: "cpuset",
    group: "cpu",
    field: "mems",
    file: "cpuset.mems",
    convert: nonEmpty,
    beforeJoin: true,
  },
  {
    controller: "memory",
    group: "memory",
    field: "useHierarchy",
    file: "memory.use_hierarchy",
    // "0" is the default of old kernels. Kernels from 5.11 on have no other mode than "1" and refuse it. runc
    // never sets it, so it is no reason to fail.
    convert: (value) => value ? "1" : undefined,
  },
  {
    controller: "memory",
    group: "memory",
    field: "limit",
    file: "memory.limit_in_bytes",
    convert: nonZero,
    // When both are raised, the new limit exceeds the old memory+swap limit. Lowering both works in this
    // order.
    retryAfter: "memory.memsw.limit_in_bytes",
    check: (r, read) => rejectBelowUsage(r, r.memory?.limit, "memory limit", "memory.usage_in_bytes", read),
    explain: explainMemoryBusy,
  },
  {
    controller: "memory",
    group: "memory",
    field: "swap",
    file: "memory.memsw.limit_in_bytes",
    convert: nonZero,
    check: (r, read) =>
      rejectBelowUsage(r, r.memory?.swap, "memory+swap limit", "memory.memsw.usage_in_bytes", read),
  },
  {
    // No memory limit means no memory+swap limit either, on kernels that count swap.
    controller: "memory",
    group: "memory",
    field: "limit",
    file: "memory.memsw.limit_in_bytes",
    convert: (limit, { memory }) => Number(limit) === -1 && !memory?.swap ? "-1" : undefined,
    tolerate: [ENOENT],
  },
  {
    controller: "memory",
    group: "memory",
    field: "reservation",
    file: "memory.soft_limit_in_bytes",
    convert: nonZero,
  },
  {
    // This is obsolete: recent kernels ignore the value, refuse it, or have no such file.
    controller: "memory",
    group: "memory",
    field: "kernel",
    file: "memory.kmem.limit_in_bytes",
    convert: nonZero,
    tolerate: [ENOENT, EOPNOTSUPP],
  },
  {
    controller: "memory",
    group: "memory",
    field: "kernelTCP",
    file: "memory.kmem.tcp.limit_in_bytes",
    convert: nonZero,
    tolerate: [ENOENT, EOPNOTSUPP],
  },
  {
    controller: "memory",
    group: "memory",
    field: "disableOOMKiller",
    file: "memory.oom_control",
    convert: (value) => value ? "1" : undefined,
  },
  {
    controller: "memory",
    group: "memory",
    field: "swappiness",
    file: "memory.swappiness",
    convert: swappiness,
  },
  {
    controller: "cpu",
    group: "cpu",
    field: "shares",
    file: "cpu.shares",
    // An idle group has no weight. The kernel refuses one until idle is 0 again.
    convert: (shares, { cpu }) => cpu?.idle === 1 ? undefined : nonZero(shares),
    retryAfter: "cpu.idle",
    verify: verifyShares,
  },
  {
    controller: "cpu",
    group: "cpu",
    field: "period",
    file: "cpu.cfs_period_us",
    convert: nonZero,
    retryAfter: "cpu.cfs_quota_us",
  },
  {
    controller: "cpu",
    group: "cpu",
    field: "burst",
    file: "cpu.cfs_burst_us",
    convert: digits,
    retryAfter: "cpu.cfs_quota_us",
    tolerate: [ENOENT],
  },
  {
    controller: "cpu",
    group: "cpu",
    field: "quota",
    file: "cpu.cfs_quota_us",
    convert: nonZero,
  },
  { controller: "cpu", group: "cpu", field: "idle", file: "cpu.idle", convert: digits },
  {
    // A real-time process cannot enter a group without a real-time budget.
    controller: "cpu",
    group: "cpu",
    field: "realtimePeriod",
    file: "cpu.rt_period_us",
    convert: nonZero,
    retryAfter: "cpu.rt_runtime_us",
    beforeJoin: true,
  },
  {
    controller: "cpu",
    group: "cpu",
    field: "realtimeRuntime",
    file: "cpu.rt_runtime_us",
    convert: nonZero,
    beforeJoin: true,
  },
  { controller: "pids", group: "pids", field: "limit", file: "pids.max", convert: pidsMax },
  {
    controller: "blkio",
    group: "blockIO",
    field: "weight",
    file: ["blkio.weight", "blkio.bfq.weight"],
    convert: nonZero,
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "leafWeight",
    file: "blkio.leaf_weight",
    convert: nonZero,
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "weightDevice",
    file: ["blkio.weight_device", "blkio.bfq.weight_device"],
    convert: (devices) => perDevice(devices, "weight"),
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "weightDevice",
    file: "blkio.leaf_weight_device",
    convert: (devices) => perDevice(devices, "leafWeight"),
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "throttleReadBpsDevice",
    file: "blkio.throttle.read_bps_device",
    convert: (devices) => perDevice(devices, "rate"),
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "throttleWriteBpsDevice",
    file: "blkio.throttle.write_bps_device",
    convert: (devices) => perDevice(devices, "rate"),
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "throttleReadIOPSDevice",
    file: "blkio.throttle.read_iops_device",
    convert: (devices) => perDevice(devices, "rate"),
  },
  {
    controller: "blkio",
    group: "blockIO",
    field: "throttleWriteIOPSDevice",
    file: "blkio.throttle.write_iops_device",
    convert: (devices) => perDevice(devices, "rate"),
  },
  {
    controller: "net_cls",
    group: "network",
    field: "classID",
    file: "net_cls.classid",
    convert: nonZero,
  },
  {
    controller: "net_prio",
    group: "network",
    field: "priorities",
    file: "net_prio.ifpriomap",
    convert: (list) => (list as LinuxInterfacePriority[]).map(({ name, priority }) => `${name} ${priority}`),
  },
  {
    controller: "rdma",
    group: "rdma",
    file: "rdma.max",
    convert: (devices) => Object.entries(devices as Record<string, LinuxRdma>).map(rdmaLine),
  },
];

/** In an unsigned field 2^64-1 is -1: unset. */
function swappiness(value: unknown): Values {
  const percent = value as Uint64;
  if (percent < 0 || percent >= 2 ** 63) return undefined;
  if (percent <= 100) return digits(percent);
  throw new RuntimeError(
    "EINVAL_RESOURCES",
    `invalid memory swappiness value: ${digits(percent)} (valid range is 0-100)`,
  );
}

/** The kernel accepts any number of shares and adjusts it. */
function verifyShares({ cpu }: LinuxResources, read: ReadFile): void {
  const wanted = BigInt(cpu?.shares ?? 0);
  if (wanted >= 2n && wanted <= 262144n) return; // MIN_SHARES and MAX_SHARES of kernel/sched: kept as they are
  const kept = BigInt(read("cpu.shares").trim());
  if (wanted > kept) throw new RuntimeError("EINVAL_RESOURCES", `the maximum allowed cpu-shares is ${kept}`);
  if (wanted < kept) throw new RuntimeError("EINVAL_RESOURCES", `the minimum allowed cpu-shares is ${kept}`);
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
  if (BigInt(limit) <= usage) {
    throw new RuntimeError("EBUSY_MEMORY_LIMIT", `rejecting ${what} ${digits(limit)} <= usage ${usage}`);
  }
}

/** EBUSY: even after reclaim, more memory is in use than the limit allows. */
function explainMemoryBusy(errno: number, value: string, read: ReadFile): string | undefined {
  if (errno !== EBUSY) return undefined;
  const usage = read("memory.usage_in_bytes").trim(), peak = read("memory.max_usage_in_bytes").trim();
  return `unable to set memory limit to ${value} (current usage: ${usage}, peak usage: ${peak})`;
}
