/**
 * JSON text in which 64-bit integers are exact.
 * @module
 */

/** ECMAScript's raw JSON (proposal-json-parse-with-source), which TypeScript's library does not know yet. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/**
 * JSON.stringify for values with bigints, which become plain numbers with all their digits.
 *
 * @param indent Blanks of each level; one line where it is absent.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { exactJson } from "./exact_json.ts";
 * assertEquals(exactJson({ limit: 18446744073709551615n }), '{"limit":18446744073709551615}');
 * ```
 */
export function exactJson(value: unknown, indent?: number): string {
  const exact = (_: string, item: unknown) => typeof item === "bigint" ? rawJSON(String(item)) : item;
  return JSON.stringify(value, exact, indent);
}
