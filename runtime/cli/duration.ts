/**
 * Lengths of time in Go's notation.
 * @module
 */

/** Milliseconds of each unit. */
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a text such as `5s`, `1.5h`, `1m30s`, `-2ms` or `0`.
 *
 * @returns Undefined when it is no duration. Go's time.ParseDuration wants a unit on every number but 0.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseDuration } from "./duration.ts";
 * assertEquals(parseDuration("1m30s"), 90_000);
 * ```
 */
export function parseDuration(text: string): number | undefined {
  // Go accepts microseconds with the micro sign and with the Greek letter.
  const [, sign, body] = /^([+-]?)(.*)$/.exec(text.replaceAll(/[\u00b5\u03bc]/g, "u")) ?? [];
  if (body === undefined) return undefined;
  if (body === "0") return 0;
  const part = /(\d+\.?\d*|\.\d+)(ns|us|ms|s|m|h)/y;
  let sum = 0, end = 0;
  for (let match = part.exec(body); match !== null; match = part.exec(body)) {
    sum += Number(match[1]) * UNITS[match[2]];
    end = part.lastIndex;
  }
  if (end === 0 || end !== body.length) return undefined;
  return sign === "-" ? -sum : sum;
}
