/**
 * Measurements of a container's cgroups in the terms of `events`, the same for every driver.
 *
 * Counters have 64 bits, so all are bigints. A value that a kernel or a driver does not measure is 0 or
 * empty.
 * @module
 */

/** One sample. */
export interface CgroupStats {
  cpu: CpuStats;
  cpuset: CpusetStats;
  memory: MemoryStats;
  pids: { current: bigint; /** 0: no limit. */ limit: bigint };
  blkio: BlkioStats;
  /** By page size, such as `2MB`. */
  hugetlb: Record<string, { usage: bigint; max: bigint; failcnt: bigint }>;
}

/** CPU time in nanoseconds. */
export interface CpuStats {
  total: bigint;
  percpu: bigint[];
  percpuKernel: bigint[];
  percpuUser: bigint[];
  kernel: bigint;
  user: bigint;
  /** Bandwidth control: all periods, periods in which the quota was used up, and the time waited. */
  throttling: { periods: bigint; throttledPeriods: bigint; throttledTime: bigint };
  psi?: Pressure;
}

/** Settings of v1's cpuset controller, which are not measurements. */
export interface CpusetStats {
  cpus: number[];
  mems: number[];
  /** The other files by their name in `events`, in its order. */
  flags: Record<CpusetFlag, bigint>;
}

/** See {@linkcode CpusetStats.flags}. */
export type CpusetFlag =
  | "cpu_exclusive"
  | "mem_hardwall"
  | "mem_exclusive"
  | "memory_migrate"
  | "memory_spread_page"
  | "memory_spread_slab"
  | "memory_pressure"
  | "sched_load_balance"
  | "sched_relax_domain_level";

/** A counter of bytes with its limit. */
export interface MemoryCounter {
  limit: bigint;
  usage: bigint;
  max: bigint;
  failcnt: bigint;
}

/** Memory in bytes. */
export interface MemoryStats {
  cache: bigint;
  usage: MemoryCounter;
  /** Memory and swap together. */
  swap: MemoryCounter;
  kernel: MemoryCounter;
  kernelTcp: MemoryCounter;
  /** The file `memory.stat`. */
  raw: Record<string, bigint>;
  psi?: Pressure;
}

/** Block device input and output, by counter. */
export interface BlkioStats {
  serviceBytes: BlkioEntry[];
  serviced: BlkioEntry[];
  queued: BlkioEntry[];
  serviceTime: BlkioEntry[];
  waitTime: BlkioEntry[];
  merged: BlkioEntry[];
  time: BlkioEntry[];
  sectors: BlkioEntry[];
  psi?: Pressure;
}

/** One line of a blkio file. */
export interface BlkioEntry {
  major: bigint;
  minor: bigint;
  /** `Read`, `Write`, …; empty where the file does not distinguish operations. */
  op: string;
  value: bigint;
}

/**
 * Pressure stall information: kernel document accounting/psi.rst. Averages in percent, totals in
 * microseconds.
 */
export interface Pressure {
  some: PressureLine;
  full: PressureLine;
}

/** See {@linkcode Pressure}. */
export interface PressureLine {
  avg10: number;
  avg60: number;
  avg300: number;
  total: bigint;
}

/** An empty sample, for a driver to fill in. */
export function emptyStats(): CgroupStats {
  const counter = (): MemoryCounter => ({ limit: 0n, usage: 0n, max: 0n, failcnt: 0n });
  return {
    cpu: {
      total: 0n,
      percpu: [],
      percpuKernel: [],
      percpuUser: [],
      kernel: 0n,
      user: 0n,
      throttling: { periods: 0n, throttledPeriods: 0n, throttledTime: 0n },
    },
    cpuset: {
      cpus: [],
      mems: [],
      flags: {
        cpu_exclusive: 0n,
        mem_hardwall: 0n,
        mem_exclusive: 0n,
        memory_migrate: 0n,
        memory_spread_page: 0n,
        memory_spread_slab: 0n,
        memory_pressure: 0n,
        sched_load_balance: 0n,
        sched_relax_domain_level: 0n,
      },
    },
    memory: {
      cache: 0n,
      usage: counter(),
      swap: counter(),
      kernel: counter(),
      kernelTcp: counter(),
      raw: {},
    },
    pids: { current: 0n, limit: 0n },
    blkio: {
      serviceBytes: [],
      serviced: [],
      queued: [],
      serviceTime: [],
      waitTime: [],
      merged: [],
      time: [],
      sectors: [],
    },
    hugetlb: {},
  };
}
