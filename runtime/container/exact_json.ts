/**
 * JSON text in which 64-bit integers are exact.
 * @module
 */

/** ECMAScript's raw JSON (proposal-json-parse-with-source), which TypeScript's library does not know yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/**
 * JSON.stringify for values with bigints, which become plain numbers with all their digits.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { exactJson } from "./exact_json.ts";
 * assertEquals(exactJson({ limit: 18446744073709551615n }), '{"limit":18446744073709551615}');
 * ```
 */
export function exactJson(value: unknown): string {
  return JSON.stringify(value, (_, item) => typeof item === "bigint" ? rawJSON(String(item)) : item);
}
