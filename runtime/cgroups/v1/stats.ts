/**
 * Measurements from cgroup v1: the file of each value.
 *
 * Sources: kernel documents admin-guide/cgroup-v1/{cpuacct,cpusets,memory,hugetlb,blkio-controller,pids}.rst
 * and scheduler/sched-bwc.rst.
 * @module
 */
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupFs } from "../fs.ts";
import { HUGEPAGES_DIRECTORY, pageSizeNames } from "../hugetlb.ts";
import {
  type BlkioEntry,
  type BlkioStats,
  type CgroupStats,
  emptyStats,
  type MemoryCounter,
} from "../stats.ts";
import { MAX, Reader } from "../stats_reader.ts";

/**
 * Nanoseconds of a clock tick in /proc and cpuacct.stat: USER_HZ is 100 on all of Linux's architectures
 * except alpha.
 */
const TICK = 10_000_000n;

/**
 * Takes a sample.
 *
 * @param paths Directories by controller. Missing ones are not measured.
 * @throws {RuntimeError} when the cgroup is gone, or a file does not match its documentation.
 */
export function readStats(fs: CgroupFs, paths: Readonly<Record<string, string>>): CgroupStats {
  const stats = emptyStats();
  const read = (controller: string, step: (reader: Reader, stats: CgroupStats) => void) => {
    if (paths[controller] !== undefined) step(new Reader(fs, paths[controller]), stats);
  };
  read("cpu", readThrottling);
  read("cpuacct", readCpu);
  read("cpuset", readCpuset);
  read("memory", readMemory);
  read("pids", readPids);
  read("blkio", readBlkio);
  read("hugetlb", readHugetlb);
  return stats;
}

function readThrottling(reader: Reader, { cpu }: CgroupStats): void {
  const text = reader.optional("cpu.stat");
  if (text === undefined) return;
  const table = reader.table(text, "cpu.stat");
  cpu.throttling = {
    periods: table.nr_periods ?? 0n,
    throttledPeriods: table.nr_throttled ?? 0n,
    throttledTime: table.throttled_time ?? 0n,
  };
}

function readCpu(reader: Reader, { cpu }: CgroupStats): void {
  const ticks = reader.table(reader.text("cpuacct.stat"), "cpuacct.stat");
  cpu.user = (ticks.user ?? 0n) * TICK;
  cpu.kernel = (ticks.system ?? 0n) * TICK;
  cpu.total = reader.number("cpuacct.usage");
  const words = (line: string, file: string) =>
    line.trim().split(/\s+/).filter((word) => word).map((word) => reader.parse(word, file));
  cpu.percpu = words(reader.text("cpuacct.usage_percpu"), "cpuacct.usage_percpu");
  // Lines "cpu user system" below a line of names, since Linux 4.12.
  const lines = reader.optional("cpuacct.usage_all")?.trim().split("\n").slice(1) ?? [];
  for (const line of lines) {
    const [, user, system] = words(line, "cpuacct.usage_all");
    cpu.percpuUser.push(user ?? 0n);
    cpu.percpuKernel.push(system ?? 0n);
  }
}

function readCpuset(reader: Reader, { cpuset }: CgroupStats): void {
  cpuset.cpus = parseList(reader.optional("cpuset.cpus") ?? "");
  cpuset.mems = parseList(reader.optional("cpuset.mems") ?? "");
  for (const name of Object.keys(cpuset.flags) as (keyof typeof cpuset.flags)[]) {
    cpuset.flags[name] = reader.numberOr(`cpuset.${name}`, 0n);
  }
}

/** The numbers of a list such as `0-3,7`. */
function parseList(text: string): number[] {
  const numbers: number[] = [];
  for (const range of text.trim().split(",")) {
    if (range === "") continue;
    const [first, last = first] = range.split("-").map(Number);
    for (let number = first; number <= last; number++) numbers.push(number);
  }
  return numbers;
}

function readMemory(reader: Reader, { memory }: CgroupStats): void {
  const text = reader.optional("memory.stat");
  if (text === undefined) return;
  memory.raw = reader.table(text, "memory.stat");
  memory.cache = memory.raw.cache ?? 0n;
  memory.usage = readCounter(reader, "memory");
  memory.swap = readCounter(reader, "memory.memsw");
  memory.kernel = readCounter(reader, "memory.kmem");
  memory.kernelTcp = readCounter(reader, "memory.kmem.tcp");
}

/** Four files of one counter. Not every kernel counts swap and kernel memory. */
function readCounter(reader: Reader, prefix: string): MemoryCounter {
  if (prefix !== "memory" && reader.optional(`${prefix}.usage_in_bytes`) === undefined) {
    return { limit: 0n, usage: 0n, max: 0n, failcnt: 0n };
  }
  return {
    usage: reader.number(`${prefix}.usage_in_bytes`),
    max: reader.number(`${prefix}.max_usage_in_bytes`),
    failcnt: reader.number(`${prefix}.failcnt`),
    // Recent kernels have dropped the limit of kernel memory and kept the rest.
    limit: reader.numberOr(`${prefix}.limit_in_bytes`, 0n),
  };
}

function readPids(reader: Reader, { pids }: CgroupStats): void {
  const limit = reader.number("pids.max");
  pids.current = reader.number("pids.current");
  pids.limit = limit === MAX ? 0n : limit;
}

function readHugetlb(reader: Reader, { hugetlb }: CgroupStats): void {
  for (const size of pageSizeNames(reader.fs.list(HUGEPAGES_DIRECTORY)).sort()) {
    const reserved = `hugetlb.${size}.rsvd`;
    const prefix = reader.optional(`${reserved}.usage_in_bytes`) === undefined ? `hugetlb.${size}` : reserved;
    hugetlb[size] = {
      usage: reader.number(`${prefix}.usage_in_bytes`),
      max: reader.number(`${prefix}.max_usage_in_bytes`),
      failcnt: reader.number(`${prefix}.failcnt`),
    };
  }
}

type CountedFile = [file: string, field: Exclude<keyof BlkioStats, "psi">];

/**
 * Sets of files with the same counters, best first: with the BFQ scheduler and its debugging, with BFQ, with
 * CFQ (until Linux 4.20), of the throttling policy. The first set whose first file has an entry is used.
 */
function blkioSets(): CountedFile[][] {
  const pair = (prefix: string, suffix: string): CountedFile[] => [
    [`${prefix}io_serviced${suffix}`, "serviced"],
    [`${prefix}io_service_bytes${suffix}`, "serviceBytes"],
  ];
  return [
    schedulerFiles("blkio.bfq."),
    pair("blkio.bfq.", "_recursive"),
    schedulerFiles("blkio."),
    pair("blkio.throttle.", "_recursive"),
    pair("blkio.throttle.", ""),
  ];
}

function schedulerFiles(prefix: string): CountedFile[] {
  return [
    [`${prefix}sectors_recursive`, "sectors"],
    [`${prefix}io_service_time_recursive`, "serviceTime"],
    [`${prefix}io_wait_time_recursive`, "waitTime"],
    [`${prefix}io_merged_recursive`, "merged"],
    [`${prefix}io_queued_recursive`, "queued"],
    [`${prefix}time_recursive`, "time"],
    [`${prefix}io_serviced_recursive`, "serviced"],
    [`${prefix}io_service_bytes_recursive`, "serviceBytes"],
  ];
}

function readBlkio(reader: Reader, { blkio }: CgroupStats): void {
  for (const files of blkioSets()) {
    if (readEntries(reader, files[0][0]).length === 0) continue;
    for (const [file, field] of files) blkio[field] = readEntries(reader, file);
    return;
  }
}

/**
 * Lines `major:minor operation value` or `major:minor value`. The sum in the last line, `Total value`, is
 * left out.
 */
function readEntries(reader: Reader, file: string): BlkioEntry[] {
  const entries: BlkioEntry[] = [];
  for (const line of (reader.optional(file) ?? "").split("\n")) {
    if (line === "" || /^Total \d+$/.test(line)) continue;
    const [, major, minor, op = "", value] = /^(\d+):(\d+) (?:(\w+) )?(\d+)$/.exec(line) ?? [];
    if (value === undefined) {
      throw new RuntimeError(
        "EPROTO_CGROUP_STATS",
        `malformed line ${JSON.stringify(line)} in ${reader.dir}/${file}`,
      );
    }
    entries.push({ major: BigInt(major), minor: BigInt(minor), op, value: BigInt(value) });
  }
  return entries;
}
