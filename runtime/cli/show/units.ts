/**
 * Amounts as people read them.
 * @module
 */

const UNITS: readonly string[] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/**
 * Bytes with a unit of powers of 1024.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatBytes } from "./units.ts";
 * assertEquals([512n, 1536n, 64n << 20n].map(formatBytes), ["512 B", "1.5 KiB", "64 MiB"]);
 * ```
 */
export function formatBytes(bytes: bigint | number): string {
  let amount = Number(bytes), unit = 0;
  while (Math.round(amount * 10) >= 10240 && unit < UNITS.length - 1) {
    amount /= 1024;
    unit++;
  }
  return `${unit === 0 ? amount : Number(amount.toFixed(1))} ${UNITS[unit]}`;
}

/**
 * Nanoseconds as seconds, exactly.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { seconds } from "./units.ts";
 * assertEquals([seconds(1_500_000_000n), seconds(7n)], ["1.5", "0.000000007"]);
 * ```
 */
export function seconds(nanoseconds: bigint): string {
  const digits = nanoseconds.toString().padStart(10, "0");
  const fraction = digits.slice(-9).replace(/0+$/, "");
  return digits.slice(0, -9) + (fraction === "" ? "" : `.${fraction}`);
}

/** How long ago something was: `5 seconds ago`, `3 hours ago`. @param milliseconds Not negative. */
export function formatAge(milliseconds: number): string {
  const spans: readonly [number, string][] = [[86_400, "day"], [3600, "hour"], [60, "minute"]];
  const elapsed = Math.max(0, Math.floor(milliseconds / 1000));
  const [size, name] = spans.find(([size]) => elapsed >= size) ?? [1, "second"];
  const count = Math.floor(elapsed / size);
  return `${count} ${name}${count === 1 ? "" : "s"} ago`;
}
