/**
 * The documents that `events` prints, field by field as runc writes them. Clients decode them by these names.
 *
 * Go leaves out a marked field when it is zero or empty. The marks are part of the format.
 * @module
 */
import type {
  BlkioEntry,
  BlkioStats,
  CgroupStats,
  CpusetStats,
  CpuStats,
  MemoryCounter,
  MemoryStats,
} from "../cgroups/mod.ts";

/** A sample of what a container uses. */
export interface ContainerSample {
  /** Tells a sample from other events. */
  type: "stats";
  /** The container's id. */
  id: string;
  /** The figures, under runc's names. */
  data: Record<string, unknown>;
}

/** The kernel ran out of a container's memory, and killed a process. */
export interface OutOfMemory {
  /** Tells it from samples. */
  type: "oom";
  /** The container's id. */
  id: string;
}

/**
 * An event of type `stats`. @param resctrl The measurements there; absent for a container without a group.
 */
export function statsEvent(
  id: string,
  stats: CgroupStats,
  resctrl: Record<string, unknown> = {},
): ContainerSample {
  return { type: "stats", id, data: statsData(stats, resctrl) };
}

/** An event of type `oom`: the kernel ran out of the container's memory. */
export function oomEvent(id: string): OutOfMemory {
  return { type: "oom", id };
}

function statsData(stats: CgroupStats, resctrl: Record<string, unknown>): Record<string, unknown> {
  return {
    cpu: cpuData(stats.cpu),
    cpuset: cpusetData(stats.cpuset),
    memory: memoryData(stats.memory),
    pids: present({ current: stats.pids.current, limit: stats.pids.limit }),
    blkio: blkioData(stats.blkio),
    hugetlb: Object.fromEntries(
      Object.entries(stats.hugetlb).map((
        [size, { usage, max, failcnt }],
      ) => [size, { ...present({ usage, max }), failcnt }]),
    ),
    intel_rdt: resctrl,
    // tsrun makes no network devices for containers.
    network_interfaces: null,
  };
}

function cpuData(cpu: CpuStats): Record<string, unknown> {
  const { total, percpu, percpuKernel, percpuUser, kernel, user, throttling, psi } = cpu;
  return {
    usage: {
      ...present({ total, percpu, percpu_kernel: percpuKernel, percpu_user: percpuUser }),
      kernel,
      user,
    },
    throttling: present({ ...throttling }),
    ...present({ psi }),
  };
}

function cpusetData({ cpus, mems, flags }: CpusetStats): Record<string, unknown> {
  const { cpu_exclusive, ...others } = flags;
  return { ...present({ cpus }), cpu_exclusive, ...present({ mems }), ...others };
}

function memoryData(
  { cache, usage, swap, kernel, kernelTcp, raw, psi }: MemoryStats,
): Record<string, unknown> {
  // Go writes maps in the order of their keys.
  const sorted = Object.entries(raw).sort(([a], [b]) => a < b ? -1 : 1);
  return {
    ...present({ cache }),
    usage: counterData(usage),
    swap: counterData(swap),
    kernel: counterData(kernel),
    kernelTCP: counterData(kernelTcp),
    ...(sorted.length > 0 ? { raw: Object.fromEntries(sorted) } : {}),
    ...present({ psi }),
  };
}

function counterData({ limit, usage, max, failcnt }: MemoryCounter): Record<string, unknown> {
  return { limit, ...present({ usage, max }), failcnt };
}

function blkioData(blkio: BlkioStats): Record<string, unknown> {
  const entries = (list: BlkioEntry[]) => list.map((entry) => present({ ...entry }));
  return present({
    ioServiceBytesRecursive: entries(blkio.serviceBytes),
    ioServicedRecursive: entries(blkio.serviced),
    ioQueueRecursive: entries(blkio.queued),
    ioServiceTimeRecursive: entries(blkio.serviceTime),
    ioWaitTimeRecursive: entries(blkio.waitTime),
    ioMergedRecursive: entries(blkio.merged),
    ioTimeRecursive: entries(blkio.time),
    sectorsRecursive: entries(blkio.sectors),
    psi: blkio.psi,
  });
}

/** The fields that are neither zero nor empty. */
function present(fields: Record<string, unknown>): Record<string, unknown> {
  const isEmpty = (value: unknown) =>
    value === undefined || value === 0n || value === "" || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isEmpty(value)));
}
