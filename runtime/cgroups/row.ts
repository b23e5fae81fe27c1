/**
 * What the tables of resources are made of: one row per field and file, the same for every version of cgroups, and the
 * texts of common kinds of value.
 * @module
 */
import { type Int64, INT64_MAX, toDecimal, toUint64, type Uint64 } from "../../spec/integers.ts";
import type { LinuxRdma, LinuxResources, LinuxThrottleDevice, LinuxWeightDevice } from "../../spec/types.ts";

/** Reads a control file of the row's directory. */
export type ReadFile = (file: string) => string;

/** What a row writes: one write each where there are several; undefined when nothing is asked for. */
export type Values = string | readonly string[] | undefined;

/**
 * One field and the file that it is written to.
 *
 * A row's functions are called only when the field is there: a function that was never called costs V8 nothing, the
 * first call of one some 15 µs.
 */
export interface Row {
  controller: string;
  /** Object in `linux.resources`. */
  group: keyof LinuxResources;
  /** Property of that object; absent where the object as a whole is the field. */
  field?: string;
  /** Control file; of several the first that this kernel has. */
  file: string | readonly [string, string];
  /** The text for the field's value, which validation has found to be of the specification's type. */
  convert(value: unknown, resources: LinuxResources): Values;
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

/** Decimal digits; a number that JSON parsing rounded up to 2^63 or 2^64 is the largest 64-bit integer again. */
export function digits(value: unknown): string {
  const integer = value as Int64 | Uint64;
  if (integer === 2 ** 63) return INT64_MAX.toString();
  return integer >= 2 ** 64 ? toUint64(integer).toString() : toDecimal(integer);
}

/** Digits of a field of which 0 means that nothing is asked for. */
export function nonZero(value: unknown): Values {
  return Number(value) === 0 ? undefined : digits(value);
}

/** A text of which the empty one means that nothing is asked for. */
export function nonEmpty(value: unknown): Values {
  return value === "" ? undefined : value as string;
}

/** One line per device; a weight that is absent or 0 is not asked for, a rate of 0 lifts the limit. */
export function perDevice(devices: unknown, field: "weight" | "leafWeight" | "rate"): Values {
  const lines: string[] = [];
  for (const device of devices as (LinuxWeightDevice & LinuxThrottleDevice)[]) {
    const value = device[field];
    if (value || field === "rate") lines.push(`${device.major}:${device.minor} ${digits(value)}`);
  }
  return lines;
}

/** 0 becomes 1, as the systemd driver has to do: no further process either way, since the init counts. */
export function pidsMax(value: unknown): Values {
  const limit = value as Int64;
  return limit < 0 ? "max" : Number(limit) === 0 ? "1" : digits(limit);
}

/** The limits of one RDMA device as rdma.max takes them: kernel document admin-guide/cgroup-v1/rdma.rst. */
export function rdmaLine([device, { hcaHandles, hcaObjects }]: [string, LinuxRdma]): string {
  const handles = hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`;
  const objects = hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`;
  return device + handles + objects;
}
