/**
 * 64-bit integers of a JSON document.
 *
 * JSON numbers of the specification reach 2^64-1, JavaScript numbers are exact to 2^53 only.
 *
 * @module
 */

/** A signed 64-bit integer: a number where that is exact, else a bigint. */
export type Int64 = number | bigint;

/** An unsigned 64-bit integer: a number where that is exact, else a bigint. */
export type Uint64 = number | bigint;

/** 2^64-1, which the kernel reads as "no limit" for resource limits (RLIM_INFINITY). */
export const UINT64_MAX = 0xffff_ffff_ffff_ffffn;

/** 2^63-1, the largest signed 64-bit integer. */
export const INT64_MAX = 0x7fff_ffff_ffff_ffffn;

/** The integer as a document's reading has it: a number where that is exact. */
export function exactInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * The integer in decimal digits, as the kernel's files want it.
 *
 * `String()` is not enough: it makes 9223372036854776000 of 2^63, and an exponent of larger numbers.
 *
 * @throws RangeError for a fraction, which validation excludes.
 */
export function toDecimal(value: Int64): string {
  return typeof value === "number" && Number.isSafeInteger(value) ? String(value) : BigInt(value).toString();
}
