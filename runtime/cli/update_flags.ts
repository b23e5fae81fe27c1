/**
 * The flags of `update`, and the limits that they mean.
 * @module
 */
import { exactInteger } from "../../spec/integers.ts";
import { parseJson } from "../../spec/parse.ts";
import type { Int64, LinuxCPU, LinuxMemory, LinuxResources } from "../../spec/types.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { inputFailure, readInput, readStream } from "../host/input.ts";
import type { Flag, FlagValues } from "./flags.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { SchemaChange } from "../cgroups/mod.ts";
import { parseSize } from "./sizes.ts";

/** Flag, and the property of `memory` that it sets: a size, or -1. */
const SIZES: readonly [flag: string, field: keyof LinuxMemory, usage: string][] = [
  ["memory", "limit", "memory in bytes, or with a unit such as 512m; -1 for no limit"],
  ["memory-reservation", "reservation", "memory that is reclaimed last (soft limit)"],
  ["memory-swap", "swap", "memory and swap together; -1 for no limit"],
  ["kernel-memory", "kernel", "obsolete: recent kernels have no such limit"],
  ["kernel-memory-tcp", "kernelTCP", "obsolete: recent kernels have no such limit"],
];

/** Flag, property of `cpu`, whether it may be negative. */
const CPU_NUMBERS: readonly [flag: string, field: keyof LinuxCPU, signed: boolean, usage: string][] = [
  ["cpu-period", "period", false, "length of a period in microseconds"],
  ["cpu-quota", "quota", true, "CPU time in each period in microseconds; -1 for no limit"],
  ["cpu-burst", "burst", false, "unused CPU time that may be saved up, in microseconds"],
  ["cpu-share", "shares", false, "weight of the container among others, 2 to 262144"],
  ["cpu-rt-period", "realtimePeriod", false, "length of a real-time period in microseconds"],
  ["cpu-rt-runtime", "realtimeRuntime", true, "real-time CPU time in each period in microseconds"],
  ["cpu-idle", "idle", true, "1: only CPU time that nobody else wants; 0: as others"],
];

const STDIN = 0;

/** The flags. */
export function updateFlags(): Flag[] {
  const text = (name: string, usage: string): Flag => ({ name, kind: "string", usage });
  return [
    {
      name: "resources",
      short: "r",
      kind: "string",
      usage:
        "file with a JSON object as linux.resources of config.json, - for standard input; instead of all other flags",
      values: "file",
    },
    { name: "blkio-weight", kind: "int", usage: "weight of block device use, 10 to 1000" },
    ...CPU_NUMBERS.map(([name, , , usage]) => text(name, usage)),
    text("cpuset-cpus", "CPUs to use, such as 0-3,7"),
    text("cpuset-mems", "memory nodes to use"),
    ...SIZES.map(([name, , usage]) => text(name, usage)),
    { name: "pids-limit", kind: "int", usage: "largest number of tasks; -1 for no limit" },
    text("l3-cache-schema", "Intel RDT: schema of the L3 cache"),
    text("mem-bw-schema", "Intel RDT: schema of memory bandwidth"),
  ];
}

/**
 * The limits in a command line.
 *
 * @throws {RuntimeError} in runc's words where it has some: `invalid value for memory: …`.
 */
export async function requestedResources(k: LocalKernel, flags: FlagValues): Promise<LinuxResources> {
  const file = flags.string("resources");
  if (file !== "") return await readResources(k, file);
  const memory: LinuxMemory = {}, cpu: LinuxCPU = {};
  for (const [flag, field] of SIZES) {
    const text = flags.string(flag);
    if (text !== "") Object.assign(memory, { [field]: readSize(flag, text) });
  }
  for (const [flag, field, signed] of CPU_NUMBERS) {
    const text = flags.string(flag);
    if (text !== "") Object.assign(cpu, { [field]: readNumber(flag, text, signed) });
  }
  const cpus = flags.string("cpuset-cpus"), mems = flags.string("cpuset-mems");
  if (cpus !== "") cpu.cpus = cpus;
  if (mems !== "") cpu.mems = mems;
  const resources: LinuxResources = { memory, cpu };
  if (flags.int("blkio-weight") !== 0) resources.blockIO = { weight: flags.int("blkio-weight") };
  if (flags.has("pids-limit")) resources.pids = { limit: flags.int64("pids-limit") };
  return resources;
}

/** Reads a document. As in Go, `null` asks for nothing. */
async function readResources(k: LocalKernel, file: string): Promise<LinuxResources> {
  let text: string;
  try {
    text = file === "-" ? readStream(k, STDIN) : await readInput(k, file);
  } catch (error) {
    const what = file === "-" ? "read standard input" : `open ${file}`;
    throw RuntimeError.from(error, `${what}: ${inputFailure(error)}`);
  }
  try {
    return (parseJson(text) ?? {}) as LinuxResources;
  } catch (error) {
    throw new RuntimeError("EIO_RESOURCES", `resources: ${reasonOf(error)}`);
  }
}

function readSize(flag: string, text: string): Int64 {
  if (text === "-1") return -1;
  try {
    return parseSize(text);
  } catch (error) {
    throw new RuntimeError("EINVAL_FLAG", `invalid value for ${flag}: ${reasonOf(error)}`);
  }
}

function readNumber(flag: string, text: string, signed: boolean): Int64 {
  const complain = (why: string) =>
    new RuntimeError("EINVAL_FLAG", `invalid value for ${flag}: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^[+-]?\d+$/.test(text) || (!signed && /^[+-]/.test(text))) throw complain("invalid syntax");
  const value = BigInt(text.replace("+", ""));
  const fits = value === (signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value));
  if (!fits) throw complain("value out of range");
  return exactInteger(value);
}

/** The schemata in a command line, also beside `--resources`; undefined when there are none. */
export function requestedSchemata(flags: FlagValues): SchemaChange | undefined {
  const change = {
    l3CacheSchema: flags.string("l3-cache-schema"),
    memBwSchema: flags.string("mem-bw-schema"),
  };
  return change.l3CacheSchema || change.memBwSchema ? change : undefined;
}
