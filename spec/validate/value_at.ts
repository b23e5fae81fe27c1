/**
 * The value at a path, for those who are shown a problem.
 *
 * @module
 */
import { isObject } from "./explain.ts";

/** One step of a path: `name`, `[0]` or `["any name"]`. */
const STEP = /\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|([^.[\]]+)/g;

/** The most characters of a value that are shown. */
const LONGEST = 80;

/** ECMAScript's raw JSON, by which integers keep all digits. */
const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };

/** The value of a document at a path such as `process.args[0]`; undefined where there is none. */
export function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const [, index, quoted, name] of path.matchAll(STEP)) {
    if (index !== undefined) value = Array.isArray(value) ? value[Number(index)] : undefined;
    else {
      const key = quoted === undefined ? name : String(JSON.parse(quoted));
      value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
    }
  }
  return value;
}

/** A value as JSON in one line, cut off where it is long; undefined for no value. */
export function shownValue(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value, (_, it) => typeof it === "bigint" ? rawJSON(String(it)) : it);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
