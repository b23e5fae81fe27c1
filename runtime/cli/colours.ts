/**
 * Colours for people: on a terminal that wants them, and nowhere else.
 *
 * Source: no-color.org: NO_COLOR, set and not empty, means none.
 * @module
 */

import { callerVariable } from "../host/caller.ts";

/** The colours in use: SGR parameters of ECMA-48. */
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Name of a colour. */
export type Colour = keyof typeof CODES;

/** Paints a text. */
export type Paint = (colour: Colour, text: string) => string;

/** Paints nothing. */
export const plain: Paint = (_, text) => text;

/** Paints if standard output is a terminal and the caller has not declined. */
export function painter(): Paint {
  const declined = callerVariable("NO_COLOR") || callerVariable("TERM") === "dumb";
  if (declined || !Deno.stdout.isTerminal()) return plain;
  return (colour, text) => text === "" ? "" : `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}
