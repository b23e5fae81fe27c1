/**
 * Reading of JSON documents of the specification.
 *
 * @module
 */
import { isPlainConfig } from "./plain.ts";

/** A config.json that was read. */
export interface Reading {
  /** The document; a `Spec` if it is plain or `validateConfig` has no problems with it. */
  config: unknown;
  /** There is nothing wrong in it: neither problems nor warnings. */
  plain: boolean;
}

/**
 * Reads a config.json the quick way, which is enough for what clients usually send.
 *
 * Where the result is not `plain`, problems and warnings are found by `validateConfig` and `configWarnings`, in a
 * module that is best loaded only then.
 *
 * @throws SyntaxError when the text is not JSON.
 */
export function readConfig(text: string): Reading {
  const config: unknown = JSON.parse(text);
  // A NUL byte can only come from an escape; then every single string has to be looked at.
  if (!text.includes("\\u0000") && isPlainConfig(config)) return { config, plain: true };
  const exact = parseJson(text);
  return { config: exact, plain: !text.includes("\\u0000") && isPlainConfig(exact) };
}

/**
 * Parses a JSON document in which integers stay exact and `null` means absent.
 *
 * A plain `JSON.parse` rounds integers beyond 2^53, which would compare a seccomp argument with another value than
 * the profile says; here they become bigints. Clients written in Go send `null` for lists and objects that are
 * unset; such properties are left out, so that `undefined` is the only way to be absent. The document itself and
 * elements of arrays stay `null`.
 *
 * @throws SyntaxError when the text is not JSON.
 */
export function parseJson(text: string): unknown {
  // Most documents have neither, and a reviver makes parsing five times slower.
  return /:\s*null|\d{16}/.test(text) ? JSON.parse(text, revive) : JSON.parse(text);
}

function revive(this: unknown, key: string, value: unknown, context?: { source?: string }): unknown {
  if (value === null) return key === "" || Array.isArray(this) ? null : undefined;
  if (typeof value !== "number" || Number.isSafeInteger(value)) return value;
  const digits = context?.source;
  return digits !== undefined && /^-?\d+$/.test(digits) ? BigInt(digits) : value;
}
