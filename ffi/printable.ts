/**
 * Text from outside in messages: from a config, a command line, a file name, another program.
 * @module
 */

/**
 * Characters that would end a line, steer a terminal, turn the order of what stands behind them, or not be
 * seen: the controls of Unicode (Cc), line and paragraph separators, and format characters (Cf). Those behind
 * the bar are the tags, which are beyond the first plane.
 */
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]/g;

/** The escapes that have names in C and JSON. */
const NAMED: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text as one line that a terminal shows as it is: what is not printable is written as an escape of JSON.
 * Text without such characters comes back as it is, so it does no harm to ask twice.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { printable } from "./printable.ts";
 * assertEquals(printable("a\nb\x1b[2J"), "a\\nb\\u001b[2J");
 * ```
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (one) => NAMED[one] ?? escapeOf(one));
}

/**
 * A JSON document as text that a terminal shows as it is. JSON itself escapes fewer characters, and reads
 * these as what they were.
 */
export function printableJson(text: string): string {
  // Ends of lines stand between values only.
  return text.replace(UNPRINTABLE, (one) => one === "\n" ? one : escapeOf(one));
}

/** As JSON: a character beyond the first plane is two escapes. */
function escapeOf(one: string): string {
  return one.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
