/**
 * Sizes of memory in the usual notations.
 * @module
 */
import type { Int64 } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";

const UNITS = "kmgtp";

/**
 * Bytes of a size such as `512`, `64k`, `1.5G`, `32 MiB`. Units are powers of 1024, in either case, with or
 * without `b` or `ib`.
 *
 * @returns A bigint where a number would not be exact.
 * @throws {RuntimeError} `invalid size: 'x'`
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseSize } from "./sizes.ts";
 * assertEquals(parseSize("1.5k"), 1536);
 * ```
 */
export function parseSize(text: string): Int64 {
  const match = /^(\d+)(\.\d*)?(?: ?(?:([kmgtp])(?:i?b)?|b))?$/i.exec(text);
  if (match === null) throw new RuntimeError("EINVAL_SIZE", `invalid size: '${text}'`);
  const [, whole, fraction = "", unit = ""] = match;
  const factor = unit === "" ? 1 : 1024 ** (UNITS.indexOf(unit.toLowerCase()) + 1);
  const part = fraction.length > 1 ? Math.floor(Number(`0${fraction}`) * factor) : 0;
  const bytes = BigInt(whole) * BigInt(factor) + BigInt(part);
  if (bytes >= 1n << 63n) throw new RuntimeError("EINVAL_SIZE", `invalid size: '${text}' is beyond 64 bits`);
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bytes) : bytes;
}
