/**
 * The properties of systemd for fields of `linux.resources`: one table for each version of cgroups.
 *
 * systemd writes the files of its controllers whenever a unit changes, also for fields that were never set.
 * So it gets every value that it has a property for. All values are written to the files afterwards. Sources:
 * systemd.resource-control(5); the table of systemd's cgroup settings in runc.
 * @module
 */
import { exactInteger, type Int64, INT64_MAX } from "../../../spec/integers.ts";
import type { LinuxCPU, LinuxResources } from "../../../spec/types.ts";
import type { Variant } from "../../dbus/value.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { Property } from "./manager.ts";
import { cpuWeight, ioWeight, swapMax } from "../v2/resources.ts";

/** No limit; for a weight, the default. */
const INFINITY = 2n ** 64n - 1n;
/** Length of a period where only a quota is given, in microseconds: the kernel's default. */
const DEFAULT_PERIOD = 100_000n;
/** systemd counts a quota in whole percents of a CPU: its microseconds per second are multiples of this. */
const PERCENT = 10_000n, SECOND = 1_000_000n;

/** The first releases of systemd with later features. */
const CPU_PERIOD = 242, CPUSETS = 244, CPU_IDLE = 252, ZSWAP = 253, OOM_POLICY = 253;

/** Returns the number of systemd's release. It is called only where the release matters. */
export type Version = () => number;

/** Properties for limits on cgroup v2. @throws {RuntimeError} for a value that none can be made of. */
export function propertiesV2(resources: LinuxResources, version: Version): Property[] {
  const { memory, cpu, pids, blockIO, unified } = resources;
  return [
    ...bytes("MemoryMax", memory?.limit),
    ...bytes("MemoryLow", memory?.reservation),
    ...swap(swapMax(memory ?? {})),
    ...weight(cpu, version),
    ...quota(cpu, version),
    ...cpuset("AllowedCPUs", "cpu.cpus", cpu?.cpus, version),
    ...cpuset("AllowedMemoryNodes", "cpu.mems", cpu?.mems, version),
    ...tasks(pids?.limit),
    ...(blockIO?.weight ? [u64("IOWeight", ioWeight(blockIO.weight))] : []),
    ...Object.entries(unified ?? {}).flatMap(([file, value]) =>
      unifiedProperty(file, value, unified!, version)
    ),
  ];
}

/** Properties for limits on cgroup v1. @throws {RuntimeError} for a value that none can be made of. */
export function propertiesV1({ memory, cpu, pids, blockIO }: LinuxResources, version: Version): Property[] {
  return [
    ...bytes("MemoryLimit", memory?.limit),
    ...(cpu?.shares && cpu.idle !== 1 ? [u64("CPUShares", cpu.shares)] : []),
    ...quota(cpu, version),
    ...tasks(pids?.limit),
    ...(blockIO?.weight ? [u64("BlockIOWeight", blockIO.weight)] : []),
  ];
}

/**
 * Properties that can be set only when a unit is made.
 *
 * @param version Called only where the release matters.
 */
export function birthProperties({ unified }: LinuxResources = {}, version: Version): Property[] {
  const group = unified?.["memory.oom.group"]?.trim();
  if (group !== "0" && group !== "1" || version() < OOM_POLICY) return [];
  return [["OOMPolicy", { signature: "s", value: group === "1" ? "kill" : "continue" }]];
}

/**
 * The limits with the quota rounded as systemd does, up to whole percents of a CPU. systemd would overwrite a
 * file with another value at the unit's next change.
 */
export function roundQuota(resources: LinuxResources): LinuxResources {
  const { cpu } = resources;
  if (cpu?.quota === undefined || cpu.quota <= 0) return resources;
  const period = cpu.period ? BigInt(cpu.period) : DEFAULT_PERIOD;
  const rounded = perSecond(BigInt(cpu.quota), period) * period / SECOND;
  return { ...resources, cpu: { ...cpu, quota: exactInteger(rounded > INT64_MAX ? INT64_MAX : rounded) } };
}

function perSecond(quota: bigint, period: bigint): bigint {
  const exact = quota * SECOND / period;
  return (exact + PERCENT - 1n) / PERCENT * PERCENT;
}

function u64(name: string, value: number | bigint): Property {
  return [name, { signature: "t", value: BigInt.asUintN(64, BigInt(value)) }];
}

/** Bytes; -1 is no limit, 0 is unset. */
function bytes(name: string, limit: Int64 | undefined): Property[] {
  return Number(limit ?? 0) === 0 ? [] : [u64(name, limit! < 0 ? INFINITY : limit!)];
}

function swap(limit: string | undefined): Property[] {
  return limit === undefined ? [] : [u64("MemorySwapMax", limit === "max" ? INFINITY : BigInt(limit))];
}

/** The weight. 0 makes a group idle, where systemd knows that. */
function weight(cpu: LinuxCPU | undefined, version: Version): Property[] {
  if (cpu?.idle === 1 && version() >= CPU_IDLE) return [u64("CPUWeight", 0)];
  return cpu?.shares && cpu.idle !== 1 ? [u64("CPUWeight", cpuWeight(cpu.shares))] : [];
}

function quota(cpu: LinuxCPU | undefined, version: Version): Property[] {
  return quotaProperties(BigInt(cpu?.quota ?? 0), BigInt(cpu?.period ?? 0), version);
}

/**
 * @param limit Microseconds in each period; not positive: no limit. Nothing is asked for where both are 0.
 */
function quotaProperties(limit: bigint, period: bigint, version: Version): Property[] {
  if (limit === 0n && period === 0n) return [];
  let share = limit <= 0n ? INFINITY : perSecond(limit, period || DEFAULT_PERIOD);
  // More than 64 bits of a share mean more CPUs than can exist.
  if (share > INFINITY) share = INFINITY;
  const properties = [u64("CPUQuotaPerSecUSec", share)];
  if (period !== 0n && version() >= CPU_PERIOD) properties.unshift(u64("CPUQuotaPeriodUSec", period));
  return properties;
}

function cpuset(name: string, field: string, list: string | undefined, version: Version): Property[] {
  if (!list || version() < CPUSETS) return [];
  try {
    return [[name, { signature: "ay", value: bitsOf(list) }]];
  } catch (error) {
    throw new RuntimeError(
      "EINVAL_RESOURCES",
      `linux.resources.${field} ${JSON.stringify(list)}: ${(error as Error).message}`,
    );
  }
}

/**
 * A list such as `0-3,8` as bits. The first CPU is the lowest bit of the first byte.
 *
 * @throws {RangeError} for an invalid or empty list.
 */
export function bitsOf(list: string): Uint8Array {
  const bits: number[] = [];
  for (const part of list.split(",").map((it) => it.trim()).filter((it) => it !== "")) {
    const range = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    const first = Number(range?.[1]), last = Number(range?.[2] ?? range?.[1]);
    if (!range || first > last) throw new RangeError(`invalid range ${JSON.stringify(part)}`);
    for (let one = first; one <= last; one++) {
      while (bits.length <= one >> 3) bits.push(0);
      bits[one >> 3] |= 1 << (one & 7);
    }
  }
  if (bits.length === 0) throw new RangeError("empty value");
  return new Uint8Array(bits);
}

/** The limit of processes. systemd does not accept 0, and the file does not get it either. */
function tasks(limit: Int64 | undefined): Property[] {
  if (limit === undefined) return [];
  return [u64("TasksMax", limit < 0 ? INFINITY : Number(limit) === 0 ? 1 : limit)];
}

/** Files of cgroup v2 whose value is a number or `max`. */
const AMOUNTS: Record<string, string> = {
  "memory.min": "MemoryMin",
  "memory.low": "MemoryLow",
  "memory.high": "MemoryHigh",
  "memory.max": "MemoryMax",
  "memory.swap.max": "MemorySwapMax",
  "memory.zswap.max": "MemoryZSwapMax",
  "pids.max": "TasksMax",
  "cpu.weight": "CPUWeight",
};

/** The property for a file of `unified`; none where systemd has none. */
function unifiedProperty(
  file: string,
  text: string,
  all: Readonly<Record<string, string>>,
  version: Version,
): Property[] {
  if (file.includes("/")) {
    throw new RuntimeError(
      "EINVAL_UNIFIED",
      `unified resource ${JSON.stringify(file)} must be a file name (no slashes)`,
    );
  }
  if (file.indexOf(".") <= 0) {
    throw new RuntimeError(
      "EINVAL_UNIFIED",
      `unified resource ${JSON.stringify(file)} must be in the form CONTROLLER.PARAMETER`,
    );
  }
  const value = text.trim();
  const idle = all["cpu.idle"]?.trim() === "1";
  switch (file) {
    case "cpu.idle":
      return idle && version() >= CPU_IDLE ? [u64("CPUWeight", 0)] : [];
    case "cpu.max":
      return cpuMax(file, value, version);
    case "cpuset.cpus":
    case "cpuset.mems":
      return cpuset(
        file === "cpuset.cpus" ? "AllowedCPUs" : "AllowedMemoryNodes",
        `unified.${file}`,
        value,
        version,
      );
    case "io.weight": {
      // Other lines concern single devices, which systemd leaves alone.
      const all = /^(?:default\s+)?(\d{1,5})$/m.exec(value);
      return all ? [u64("IOWeight", BigInt(all[1]))] : [];
    }
    case "cpu.weight":
      if (idle) return [];
  }
  const name = AMOUNTS[file];
  if (name === undefined || file === "memory.zswap.max" && version() < ZSWAP) return [];
  return file === "pids.max" && value === "0" ? [u64(name, 1)] : [[name, amount(file, value)]];
}

function cpuMax(file: string, text: string, version: Version): Property[] {
  const [limit, period = String(DEFAULT_PERIOD), ...more] = text.split(/\s+/);
  if (more.length > 0 || !/^(max|-?\d+)$/.test(limit) || !/^\d+$/.test(period)) {
    throw new RuntimeError(
      "EINVAL_UNIFIED",
      `unified resource ${JSON.stringify(file)} value invalid: ${JSON.stringify(text)}`,
    );
  }
  return quotaProperties(limit === "max" ? 0n : BigInt(limit), BigInt(period), version);
}

function amount(file: string, text: string): Variant {
  if (text === "max") return { signature: "t", value: INFINITY };
  if (!/^\d{1,20}$/.test(text) || BigInt(text) > INFINITY) {
    throw new RuntimeError(
      "EINVAL_UNIFIED",
      `unified resource ${JSON.stringify(file)} value invalid: ${JSON.stringify(text)}`,
    );
  }
  return { signature: "t", value: BigInt(text) };
}
