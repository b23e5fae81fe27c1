/**
 * Reading of JSON documents of the specification.
 *
 * @module
 */
import { parseJson } from "./json.ts";
import { isPlainConfig } from "./plain.ts";

export { parseJson };

/** A config.json that was read. */
export interface Reading {
  /** The document; a `Spec` if it is plain or `validateConfig` has no problems with it. */
  config: unknown;
  /** Nothing is wrong in it: it has neither problems nor warnings. */
  plain: boolean;
}

/**
 * Reads a config.json the quick way, which is enough for what clients usually send.
 *
 * Where the result is not `plain`, `validateConfig` and `configWarnings` find problems and warnings. Their
 * module is best loaded only then.
 *
 * @throws SyntaxError when the text is not JSON.
 */
export function parseConfig(text: string): Reading {
  const config: unknown = JSON.parse(text);
  // A NUL byte can only come from an escape. Then every single string has to be looked at.
  if (!text.includes("\\u0000") && isPlainConfig(config)) return { config, plain: true };
  const exact = parseJson(text);
  return { config: exact, plain: !text.includes("\\u0000") && isPlainConfig(exact) };
}
