/**
 * The files of cgroup v2 for each field of `linux.resources`: one row for each field, in the order of
 * writing.
 *
 * Devices are a program, {@linkcode ./device_bpf.ts}. These fields have no counterpart on v2 and are skipped,
 * as in runc: `memory.kernel`, `kernelTCP`, `swappiness`, `disableOOMKiller` and `useHierarchy`,
 * `cpu.realtime*`, leaf weights, `network`. Sources: runtime-spec config-linux.md "Control groups"; kernel
 * document admin-guide/cgroup-v2.rst.
 * @module
 */
import { ENOENT, EPERM } from "../../../ffi/errno.ts";
import { type Int64, toDecimal, type Uint64 } from "../../../spec/integers.ts";
import type {
  LinuxCPU,
  LinuxMemory,
  LinuxRdma,
  LinuxResources,
  LinuxThrottleDevice,
  LinuxWeightDevice,
} from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { CgroupFileError } from "../fs.ts";
import { hugetlbRows } from "../hugetlb.ts";
import {
  digits,
  nonEmpty,
  nonZero,
  pidsMax,
  rdmaLine,
  type ReadFile,
  type Row,
  type Values,
} from "../row.ts";
import { UNIFIED } from "../path.ts";

/** Length of a period where only a quota is given: the kernel's own default, in microseconds. */
const DEFAULT_PERIOD = 100_000;

/** Facts about the host for the rows. */
export interface V2Host {
  /** Page sizes in the names of the hugetlb controller. */
  pageSizes(): string[];
  /** Whether the container's cgroup has a file. */
  exists(file: string): boolean;
}

/** The rows for these resources. */
export function rowsV2(resources: LinuxResources, host: V2Host): Row[] {
  const { hugepageLimits = [], unified = {}, blockIO } = resources;
  const hugetlb = hugepageLimits.length === 0
    ? []
    : hugetlbRows(hugepageLimits, host.pageSizes(), { controller: UNIFIED, suffix: "max" });
  return [
    row("pids", "limit", "pids.max", pidsMax),
    ...memoryRows(),
    ...(blockIO === undefined ? [] : ioRows(host.exists("io.bfq.weight"))),
    ...cpuRows(),
    row("cpu", "cpus", "cpuset.cpus", nonEmpty),
    row("cpu", "mems", "cpuset.mems", nonEmpty),
    ...hugetlb,
    row(
      "rdma",
      undefined,
      "rdma.max",
      (devices) => Object.entries(devices as Record<string, LinuxRdma>).map(rdmaLine),
    ),
    ...Object.entries(unified).map(([file, value]) => unifiedRow(file, value)),
  ];
}

function row(
  group: keyof LinuxResources,
  field: string | undefined,
  file: string,
  convert: Row["convert"],
  more: Partial<Row> = {},
): Row {
  return { controller: UNIFIED, group, field, file, convert, ...more };
}

function memoryRows(): Row[] {
  const swap = (_: unknown, { memory }: LinuxResources) => swapMax(memory ?? {});
  const lifts = (value: Values) => value === "max" || value === "0";
  return [
    // This comes before the limit on memory: lowering the first can only make room for the other. Kernels
    // without swap accounting have no such file, and nothing to limit.
    row("memory", undefined, "memory.swap.max", (_, r) => lifts(swap(_, r)) ? swap(_, r) : undefined, {
      tolerate: [ENOENT],
      check: rejectBelowUsage,
    }),
    row("memory", undefined, "memory.swap.max", (_, r) => lifts(swap(_, r)) ? undefined : swap(_, r), {
      check: rejectBelowUsage,
    }),
    row("memory", "limit", "memory.max", bytes, { check: rejectBelowUsage }),
    row("memory", "reservation", "memory.low", bytes),
  ];
}

/** Bytes; -1 is no limit, 0 is unset. */
function bytes(value: unknown): Values {
  return Number(value) === -1 ? "max" : nonZero(value);
}

/**
 * The limit on swap alone, from v1's limit on memory and swap together; undefined where nothing is asked for.
 *
 * @throws {RuntimeError} where no such limit exists.
 */
export function swapMax({ limit = 0, swap = 0 }: LinuxMemory): string | undefined {
  const memory = BigInt(limit), together = BigInt(swap);
  if (memory === -1n && together === 0n) return "max";
  if (together === 0n) return undefined;
  if (together === -1n) return "max";
  if (memory === -1n) return toDecimal(together);
  if (memory === 0n) {
    throw new RuntimeError("EINVAL_RESOURCES", "unable to set swap limit without memory limit");
  }
  if (memory < 0n) throw new RuntimeError("EINVAL_RESOURCES", `invalid memory value: ${memory}`);
  if (together < memory) {
    throw new RuntimeError("EINVAL_RESOURCES", "memory+swap limit should be >= memory limit");
  }
  return toDecimal(together - memory);
}

/** Checks a limit against the current use, only where that is asked for and the use can be read. */
function rejectBelowUsage({ memory }: LinuxResources, read: ReadFile): void {
  if (!memory?.checkBeforeUpdate) return;
  const current = (file: string) => {
    try {
      return BigInt(read(file).trim());
    } catch (error) {
      if (error instanceof CgroupFileError) return undefined;
      throw error;
    }
  };
  const usage = current("memory.current");
  if (usage === undefined) return;
  const reject = (what: string, limit: Int64 | undefined, used: bigint) => {
    if (limit !== undefined && limit > 0 && BigInt(limit) <= used) {
      throw new RuntimeError("EBUSY_MEMORY_LIMIT", `rejecting ${what} ${digits(limit)} <= usage ${used}`);
    }
  };
  reject("memory limit", memory.limit, usage);
  const swap = current("memory.swap.current");
  if (swap !== undefined) reject("memory+swap limit", memory.swap, usage + swap);
}

function cpuRows(): Row[] {
  return [
    // An idle group has no weight: the kernel refuses one.
    row("cpu", "idle", "cpu.idle", digits),
    row(
      "cpu",
      "shares",
      "cpu.weight",
      (shares, { cpu }) => cpu?.idle === 1 || shares === 0 ? undefined : String(cpuWeight(shares as Uint64)),
    ),
    row("cpu", "burst", "cpu.max.burst", digits, { retryAfter: "cpu.max", tolerate: [ENOENT] }),
    row("cpu", undefined, "cpu.max", (cpu) => cpuMax(cpu as LinuxCPU)),
  ];
}

/** Quota and period in one line. */
function cpuMax({ quota = 0, period = 0 }: LinuxCPU): Values {
  if (quota === 0 && period === 0) return undefined;
  return `${quota > 0 ? quota : "max"} ${period || DEFAULT_PERIOD}`;
}

/**
 * A weight of 1 to 10000 for shares of 2 to 262144, by the curve of runc and crun: 2 becomes 1, the default
 * of 1024 becomes v2's default of 100, 262144 becomes 10000.
 */
export function cpuWeight(shares: Uint64): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const l = Math.log2(Number(shares));
  return Math.ceil(10 ** ((l * l + 125 * l) / 612 - 7 / 34));
}

/** @param bfq The file of the BFQ scheduler exists. It takes v1's weights unchanged. */
function ioRows(bfq: boolean): Row[] {
  const weight = (value: number) => String(bfq ? value : ioWeight(value));
  const file = bfq ? "io.bfq.weight" : "io.weight";
  const throttle = (field: string, key: string) =>
    row(
      "blockIO",
      field,
      "io.max",
      (devices) =>
        (devices as LinuxThrottleDevice[]).map(({ major, minor, rate }) =>
          `${major}:${minor} ${key}=${Number(rate) === 0 ? "max" : digits(rate)}`
        ),
    );
  return [
    row("blockIO", "weight", file, (value) => value === 0 ? undefined : weight(value as number)),
    row(
      "blockIO",
      "weightDevice",
      file,
      (devices) =>
        (devices as LinuxWeightDevice[]).filter((device) => device.weight).map((device) =>
          `${device.major}:${device.minor} ${weight(device.weight!)}`
        ),
    ),
    throttle("throttleReadBpsDevice", "rbps"),
    throttle("throttleWriteBpsDevice", "wbps"),
    throttle("throttleReadIOPSDevice", "riops"),
    throttle("throttleWriteIOPSDevice", "wiops"),
  ];
}

/** A weight of 1 to 10000 for one of 10 to 1000. */
export function ioWeight(weight: number): number {
  return Math.floor(1 + (weight - 10) * 9999 / 990);
}

/** A file of the cgroup and its text, written line by line. It comes after all other fields. */
function unifiedRow(file: string, value: string): Row {
  if (file.includes("/")) {
    throw new RuntimeError(
      "EINVAL_UNIFIED",
      `unified resource ${JSON.stringify(file)} must be a file name (no slashes)`,
    );
  }
  const lines = value.split("\n").filter((line) => line !== "");
  return row("unified", undefined, file, () => lines.length > 0 ? lines : undefined, {
    explain: (errno, _, read) => {
      const controller = file.split(".")[0];
      if ((errno !== ENOENT && errno !== EPERM) || controllersIn(read).includes(controller)) return undefined;
      return `unified resource ${
        JSON.stringify(file)
      } can't be set: controller "${controller}" not available`;
    },
  });
}

function controllersIn(read: ReadFile): string[] {
  return read("cgroup.controllers").trim().split(" ");
}
