/**
 * Measurements from cgroup v2, in the terms of v1 where `events` uses those.
 *
 * Sources: kernel documents admin-guide/cgroup-v2.rst "Interface Files" of each controller,
 * accounting/psi.rst.
 * @module
 */
import { EOPNOTSUPP } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs } from "../fs.ts";
import { HUGEPAGES_DIRECTORY, pageSizeNames } from "../hugetlb.ts";
import {
  type CgroupStats,
  emptyStats,
  type MemoryCounter,
  type Pressure,
  type PressureLine,
} from "../stats.ts";
import { MAX, Reader } from "../stats_reader.ts";

/** Nanoseconds of a microsecond. */
const MICROSECOND = 1000n;

/**
 * Takes a sample. Controllers that are not enabled are not measured.
 *
 * @throws {RuntimeError} when the cgroup is gone, or a file does not match its documentation.
 */
export function readStats(fs: CgroupFs, dir: string): CgroupStats {
  const stats = emptyStats();
  const reader = new Reader(fs, dir);
  readPids(reader, stats);
  readMemory(reader, stats);
  readIo(reader, stats);
  readCpu(reader, stats);
  readHugetlb(reader, stats);
  const pressure = (file: string) => readPressure(reader, file);
  stats.memory.psi = pressure("memory.pressure");
  stats.blkio.psi = pressure("io.pressure");
  stats.cpu.psi = pressure("cpu.pressure");
  return stats;
}

function readPids(reader: Reader, { pids }: CgroupStats): void {
  if (reader.optional("pids.current") === undefined) {
    pids.current = BigInt(countTasks(reader));
    return;
  }
  const limit = reader.number("pids.max");
  pids.current = reader.number("pids.current");
  pids.limit = limit === MAX ? 0n : limit;
}

/** Counts without the controller: processes, or the threads of a threaded cgroup. */
function countTasks(reader: Reader): number {
  const lines = (file: string) => reader.text(file).split("\n").filter((line) => line !== "").length;
  try {
    return lines("cgroup.procs");
  } catch (error) {
    if (!(error instanceof CgroupFileError) || error.errno !== EOPNOTSUPP) throw error;
    return lines("cgroup.threads");
  }
}

function readMemory(reader: Reader, { memory }: CgroupStats): void {
  const text = reader.optional("memory.stat");
  // The root has statistics and no counters.
  if (text === undefined || reader.optional("memory.current") === undefined) return;
  memory.raw = reader.table(text, "memory.stat");
  memory.cache = memory.raw.file ?? 0n;
  memory.usage = readCounter(reader, "memory");
  const swap = readCounter(reader, "memory.swap");
  // v1 counts memory and swap together. The highest use of both together is unknown.
  memory.swap = {
    limit: swap.limit === MAX || memory.usage.limit === MAX ? MAX : swap.limit + memory.usage.limit,
    usage: swap.usage + memory.usage.usage,
    max: 0n,
    failcnt: 0n,
  };
}

function readCounter(reader: Reader, prefix: string): MemoryCounter {
  if (reader.optional(`${prefix}.current`) === undefined) {
    return { limit: 0n, usage: 0n, max: 0n, failcnt: 0n };
  }
  return {
    limit: reader.number(`${prefix}.max`),
    usage: reader.number(`${prefix}.current`),
    // Since Linux 5.19, for swap 6.5.
    max: reader.numberOr(`${prefix}.peak`, 0n),
    failcnt: 0n,
  };
}

/** The counters of io.stat, as the tables and operations of v1. */
const IO_COUNTERS: Readonly<Record<string, readonly [table: "serviceBytes" | "serviced", op: string]>> = {
  rbytes: ["serviceBytes", "Read"],
  wbytes: ["serviceBytes", "Write"],
  rios: ["serviced", "Read"],
  wios: ["serviced", "Write"],
};

/**
 * Lines `major:minor rbytes=… wbytes=… …`. The kernel gives some devices no counters, and has more than v1.
 */
function readIo(reader: Reader, { blkio }: CgroupStats): void {
  for (const line of (reader.optional("io.stat") ?? "").split("\n")) {
    const [device, ...counters] = line.trim().split(/\s+/);
    const [, major, minor] = /^(\d+):(\d+)$/.exec(device) ?? [];
    if (minor === undefined) continue;
    for (const counter of counters) {
      const [name, text] = counter.split("=");
      if (!Object.hasOwn(IO_COUNTERS, name)) continue;
      const [table, op] = IO_COUNTERS[name];
      const value = reader.parse(text ?? "", "io.stat");
      blkio[table].push({ major: BigInt(major), minor: BigInt(minor), op, value });
    }
  }
}

function readCpu(reader: Reader, { cpu }: CgroupStats): void {
  const text = reader.optional("cpu.stat");
  if (text === undefined) return;
  const table = reader.table(text, "cpu.stat");
  const time = (name: string) => (table[name] ?? 0n) * MICROSECOND;
  cpu.total = time("usage_usec");
  cpu.user = time("user_usec");
  cpu.kernel = time("system_usec");
  cpu.throttling = {
    periods: table.nr_periods ?? 0n,
    throttledPeriods: table.nr_throttled ?? 0n,
    throttledTime: time("throttled_usec"),
  };
}

function readHugetlb(reader: Reader, { hugetlb }: CgroupStats): void {
  for (const size of pageSizeNames(reader.fs.list(HUGEPAGES_DIRECTORY)).sort()) {
    const file = [`hugetlb.${size}.rsvd.current`, `hugetlb.${size}.current`]
      .find((name) => reader.optional(name) !== undefined);
    if (file === undefined) continue;
    const events = reader.table(reader.text(`hugetlb.${size}.events`), `hugetlb.${size}.events`);
    hugetlb[size] = { usage: reader.number(file), max: 0n, failcnt: events.max ?? 0n };
  }
}

/** Undefined where the kernel does not measure pressure, or has that switched off. */
function readPressure(reader: Reader, file: string): Pressure | undefined {
  let text: string | undefined;
  try {
    text = reader.optional(file);
  } catch (error) {
    if (!(error instanceof CgroupFileError) || error.errno !== EOPNOTSUPP) throw error;
  }
  if (text === undefined) return undefined;
  const nothing = (): PressureLine => ({ avg10: 0, avg60: 0, avg300: 0, total: 0n });
  const pressure: Pressure = { some: nothing(), full: nothing() };
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, kind, avg10, avg60, avg300, total] =
      /^(some|full) avg10=([\d.]+) avg60=([\d.]+) avg300=([\d.]+) total=(\d+)$/.exec(line) ?? [];
    if (total === undefined) {
      throw new RuntimeError(
        "EPROTO_CGROUP_STATS",
        `malformed line ${JSON.stringify(line)} in ${reader.dir}/${file}`,
      );
    }
    pressure[kind as keyof Pressure] = {
      avg10: Number(avg10),
      avg60: Number(avg60),
      avg300: Number(avg300),
      total: BigInt(total),
    };
  }
  return pressure;
}
