/**
 * What `events` shows to people and to Prometheus, out of the document that it prints for clients.
 * @module
 */
import type { Pressure } from "../../cgroups/mod.ts";
import type { ContainerSample } from "../../container/events.ts";

/** Transfers of one block device. */
export interface DeviceUse {
  /** `major:minor`. */
  device: string;
  readBytes: bigint;
  writtenBytes: bigint;
  reads: bigint;
  writes: bigint;
}

/** Times in nanoseconds, sizes in bytes. */
export interface Measures {
  id: string;
  cpu: { total: bigint; user: bigint; kernel: bigint };
  throttling: { periods: bigint; throttledPeriods: bigint; throttledTime: bigint };
  /** A limit is undefined where there is none. */
  memory: { usage: bigint; max: bigint; limit: bigint | undefined; cache: bigint; failures: bigint };
  pids: { current: bigint; limit: bigint | undefined };
  devices: readonly DeviceUse[];
  /** By resource: `cpu`, `memory`, `io`; those that the kernel measures. */
  pressure: ReadonlyMap<string, Pressure>;
}

/** The fields that are read, as they stand in the document: what is zero or empty is left out there. */
interface StatsDocument {
  cpu: {
    usage: { total?: bigint; user: bigint; kernel: bigint };
    throttling: Partial<Measures["throttling"]>;
    psi?: Pressure;
  };
  memory: {
    cache?: bigint;
    usage: { limit: bigint; usage?: bigint; max?: bigint; failcnt: bigint };
    psi?: Pressure;
  };
  pids: { current?: bigint; limit?: bigint };
  blkio: { ioServiceBytesRecursive?: Entry[]; ioServicedRecursive?: Entry[]; psi?: Pressure };
}

interface Entry {
  major?: bigint;
  minor?: bigint;
  op?: string;
  value?: bigint;
}

/** Limits from here on mean none: cgroup v1 says so by the largest number of whole pages. */
const NO_LIMIT = 1n << 62n;

/** Picks the measurements of a sample. */
export function measuresOf({ id, data }: ContainerSample): Measures {
  const { cpu, memory, pids, blkio } = data as unknown as StatsDocument;
  const { periods = 0n, throttledPeriods = 0n, throttledTime = 0n } = cpu.throttling;
  const { limit, usage = 0n, max = 0n, failcnt } = memory.usage;
  const pressure = [["cpu", cpu.psi], ["memory", memory.psi], ["io", blkio.psi]] as const;
  return {
    id,
    cpu: { total: cpu.usage.total ?? 0n, user: cpu.usage.user, kernel: cpu.usage.kernel },
    throttling: { periods, throttledPeriods, throttledTime },
    memory: {
      usage,
      max,
      limit: limit === 0n || limit >= NO_LIMIT ? undefined : limit,
      cache: memory.cache ?? 0n,
      failures: failcnt,
    },
    pids: { current: pids.current ?? 0n, limit: pids.limit },
    devices: devicesOf(blkio.ioServiceBytesRecursive ?? [], blkio.ioServicedRecursive ?? []),
    pressure: new Map(pressure.flatMap(([name, psi]) => psi === undefined ? [] : [[name, psi] as const])),
  };
}

function devicesOf(bytes: readonly Entry[], operations: readonly Entry[]): DeviceUse[] {
  const found = new Map<string, DeviceUse>();
  const add = (entries: readonly Entry[], read: "readBytes" | "reads", write: "writtenBytes" | "writes") => {
    for (const { major = 0n, minor = 0n, op = "", value = 0n } of entries) {
      const device = `${major}:${minor}`, kind = op.toLowerCase();
      const use = found.get(device) ??
        { device, readBytes: 0n, writtenBytes: 0n, reads: 0n, writes: 0n };
      if (kind === "read") use[read] += value;
      else if (kind === "write") use[write] += value;
      else continue;
      found.set(device, use);
    }
  };
  add(bytes, "readBytes", "writtenBytes");
  add(operations, "reads", "writes");
  return [...found.values()];
}
