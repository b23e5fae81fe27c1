/**
 * The container's configuration: read once, checked whole, kept for the container's later commands.
 * @module
 */

import type { Spec } from "../../spec/types.ts";
import { readConfig as parseConfig, type Reading } from "../../spec/parse.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { Log } from "../host/log.ts";

/** A configuration and the text it was read from. */
export interface Config {
  spec: Spec;
  text: string;
}

/**
 * Reads a bundle's config.json.
 *
 * @param bundle Absolute path of the bundle.
 * @param log Takes what is odd but not wrong, at level debug.
 * @throws {RuntimeError} When there is none, or with everything that is wrong with it.
 */
export async function readConfig(bundle: string, log: Log): Promise<Config> {
  const text = readText(bundle);
  let reading: Reading;
  try {
    reading = parseConfig(text);
  } catch (error) {
    throw new RuntimeError(`config.json: ${reasonOf(error)}`);
  }
  const spec = reading.config as Spec;
  // What clients usually send is seen to be right at a glance; the full check takes 8 ms.
  if (!reading.plain || log.debugging) await checkWhole(spec, log);
  return { spec, text };
}

async function checkWhole(spec: Spec, log: Log): Promise<void> {
  const { validateConfig, configWarnings, formatProblems } = await import("../../spec/validate.ts");
  const problems = validateConfig(spec);
  if (problems.length > 0) throw new RuntimeError(formatProblems(problems, "config.json"));
  for (const { path, reason } of configWarnings(spec)) log.debug(`${path}: ${reason}`);
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
