/**
 * The container's configuration: read once, checked whole, kept for the container's later commands.
 * @module
 */

import type { Spec } from "../spec/types.ts";
import { formatProblems, validateConfig } from "../spec/validate.ts";
import { parseJson } from "../spec/parse.ts";
import { reasonOf, RuntimeError } from "./errors.ts";
import { containerDir } from "./state.ts";
import { unsupported } from "./unsupported.ts";

/** A configuration and the text it was read from. */
export interface Config {
  spec: Spec;
  text: string;
}

/**
 * Reads a bundle's config.json.
 *
 * @param bundle Absolute path of the bundle.
 * @throws {RuntimeError} When there is none, or with everything that is wrong with it.
 */
export function readConfig(bundle: string): Config {
  const text = readText(bundle);
  let spec: Spec;
  try {
    spec = parseJson(text) as unknown as Spec;
  } catch (error) {
    throw new RuntimeError(`config.json: ${reasonOf(error)}`);
  }
  const problems = validateConfig(spec);
  if (problems.length === 0) problems.push(...unsupported(spec));
  if (problems.length > 0) throw new RuntimeError(formatProblems(problems, "config.json"));
  return { spec, text };
}

function readText(bundle: string): string {
  try {
    return Deno.readTextFileSync(`${bundle}/config.json`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new RuntimeError(`read ${bundle}/config.json: ${reasonOf(error)}`);
    }
    try {
      Deno.statSync(bundle);
    } catch (missing) {
      throw new RuntimeError(`bundle ${JSON.stringify(bundle)}: ${reasonOf(missing)}`);
    }
    throw new RuntimeError(`JSON specification file config.json not found in ${JSON.stringify(bundle)}`);
  }
}

/** The configuration that a container was created from, whatever has become of its bundle. */
export function savedConfig(root: string, id: string): Spec {
  const path = `${containerDir(root, id)}/config.json`;
  try {
    return parseJson(Deno.readTextFileSync(path)) as unknown as Spec;
  } catch (error) {
    throw new RuntimeError(`read ${path}: ${reasonOf(error)}`);
  }
}
