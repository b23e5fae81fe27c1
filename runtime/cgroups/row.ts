/**
 * The elements of the tables of resources: one row for each field and file, the same for every version of
 * cgroups, and the texts of common kinds of value.
 * @module
 */
import { type Int64, toDecimal, type Uint64 } from "../../spec/integers.ts";
import type { LinuxRdma, LinuxResources, LinuxThrottleDevice, LinuxWeightDevice } from "../../spec/types.ts";

/** Reads a control file of the row's directory. */
export type ReadFile = (file: string) => string;

/** The values of a row, with one write for each; undefined when nothing is asked for. */
export type Values = string | readonly string[] | undefined;

/**
 * One field and the file that it is written to.
 *
 * A row's functions are called only when the field is present. V8 spends nothing on a function that was never
 * called, and some 15 µs on its first call.
 */
export interface Row {
  controller: string;
  /** Object in `linux.resources`. */
  group: keyof LinuxResources;
  /** Property of that object; absent where the object as a whole is the field. */
  field?: string;
  /** Control file; or two names, of which the first that this kernel has is used. */
  file: string | readonly [string, string];
  /** The text for the field's value. Validation has checked its type. */
  convert(value: unknown, resources: LinuxResources): Values;
  /**
   * The kernel may refuse (EINVAL) the value beside an old value of this file. It is written again after that
   * file.
   */
  retryAfter?: string;
  /** It has to be written before a process enters. */
  beforeJoin?: boolean;
  /** Errnos of a kernel without this file, where runc goes on. */
  tolerate?: readonly number[];
  /** Refuses a value before it is written. @throws {RuntimeError} */
  check?(resources: LinuxResources, read: ReadFile): void;
  /** Looks at the value that the kernel has stored. @throws {RuntimeError} */
  verify?(resources: LinuxResources, read: ReadFile): void;
  /** A clearer message than the errno's, if there is one. */
  explain?(errno: number, value: string, read: ReadFile): string | undefined;
}

/** Decimal digits. */
export function digits(value: unknown): string {
  return toDecimal(value as Int64 | Uint64);
}

/** Digits of a field in which 0 means that nothing is asked for. */
export function nonZero(value: unknown): Values {
  return Number(value) === 0 ? undefined : digits(value);
}

/** A text in which the empty one means that nothing is asked for. */
export function nonEmpty(value: unknown): Values {
  return value === "" ? undefined : value as string;
}

/**
 * One line for each device. An absent weight or a weight of 0 asks for nothing; a rate of 0 removes the
 * limit.
 */
export function perDevice(devices: unknown, field: "weight" | "leafWeight" | "rate"): Values {
  const lines: string[] = [];
  for (const device of devices as (LinuxWeightDevice & LinuxThrottleDevice)[]) {
    const value = device[field];
    if (value || field === "rate") lines.push(`${device.major}:${device.minor} ${digits(value)}`);
  }
  return lines;
}

/** 0 becomes 1, which the systemd driver needs. Both mean no further process, because the init counts. */
export function pidsMax(value: unknown): Values {
  const limit = value as Int64;
  return limit < 0 ? "max" : Number(limit) === 0 ? "1" : digits(limit);
}

/** The limits of one RDMA device in the form of rdma.max: kernel document admin-guide/cgroup-v1/rdma.rst. */
export function rdmaLine([device, { hcaHandles, hcaObjects }]: [string, LinuxRdma]): string {
  const handles = hcaHandles === undefined ? "" : ` hca_handle=${hcaHandles}`;
  const objects = hcaObjects === undefined ? "" : ` hca_object=${hcaObjects}`;
  return device + handles + objects;
}
