/**
 * Reading of JSON documents of the specification.
 *
 * @module
 */
import { parseJson } from "./json.ts";
import { isPlainConfig } from "./plain.ts";
import type { Problem } from "./validate/problem.ts";

export { parseJson };

/** A config.json that was read. */
export interface Reading {
  /** The document; a `Spec` if it is plain. */
  config: unknown;
  /** The document has no problem. */
  plain: boolean;
  /** Requests of a plain document that are not carried out as they are written. */
  warnings: Problem[];
}

/**
 * Reads a config.json the quick way, which is enough for what clients usually send.
 *
 * If the result is not `plain`, `explainConfig` has to read the document. Its module is best loaded only
 * then.
 *
 * @throws SyntaxError when the text is not JSON.
 */
export function parseConfig(text: string): Reading {
  const config: unknown = JSON.parse(text);
  // A NUL byte can only come from an escape. Then every single string has to be looked at.
  const clean = !text.includes("\\u0000"), warnings: Problem[] = [];
  const warn = (path: string, reason: string) => warnings.push({ path, reason });
  if (clean && isPlainConfig(config, warn)) return { config, plain: true, warnings };
  const exact = parseJson(text);
  return { config: exact, plain: clean && isPlainConfig(exact, warn), warnings };
}
