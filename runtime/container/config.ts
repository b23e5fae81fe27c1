/**
 * The container's configuration: read once, checked whole, kept for the container's later commands.
 * @module
 */

import type { Spec } from "../../spec/types.ts";
import { parseConfig, type Reading } from "../../spec/parse.ts";
import { ENOENT } from "../../ffi/errno.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { inputFailure, readInput, type Waiting } from "../host/input.ts";
import type { Log } from "../host/log.ts";
import { exactJson } from "./exact_json.ts";

/** A configuration. */
export interface Config {
  spec: Spec;
  /** The same as JSON: the bundle's own text, where that names everything as the specification does. */
  text: string;
}

/**
 * Reads a bundle's config.json.
 *
 * @param bundle Absolute path of the bundle.
 * @param log Gets warnings, and at level debug values that are read differently from the way they are
 * written.
 * @param wait Runs the read of a config that is a pipe.
 * @param file Path of another file to read in its place.
 * @throws {RuntimeError} When there is no config.json, or with everything that is wrong with it.
 */
export async function readConfig(
  k: LocalKernel,
  bundle: string,
  log: Log,
  wait?: Waiting,
  file?: string,
): Promise<Config> {
  const text = await readText(k, bundle, wait, file), name = file ?? "config.json";
  let reading: Reading;
  try {
    reading = parseConfig(text);
  } catch (error) {
    throw new RuntimeError("EINVAL_CONFIG", `${name}: ${reasonOf(error)}`);
  }
  // A quick look accepts the configs that clients usually send; the full check takes 8 ms.
  if (reading.plain && !log.debugging) {
    for (const { reason } of reading.warnings) {
      log.warnLater(reason, "runtime/container/config.ts readConfig");
    }
    return { spec: reading.config as Spec, text };
  }
  const { readWholeConfig } = await import("./whole_document.ts");
  const spec = readWholeConfig(reading.config, log, name);
  return { spec, text: exactJson(spec) };
}

async function readText(
  k: LocalKernel,
  bundle: string,
  wait: Waiting | undefined,
  file: string | undefined,
): Promise<string> {
  const path = file ?? `${bundle}/config.json`;
  try {
    return await readInput(k, path, wait);
  } catch (error) {
    const missing = error instanceof OperationError && error.errno === ENOENT;
    if (!missing || file !== undefined) {
      throw RuntimeError.from(error, `read ${path}: ${inputFailure(error)}`);
    }
  }
  try {
    Deno.statSync(bundle);
  } catch (missing) {
    throw new RuntimeError("ENOENT_BUNDLE", `bundle ${JSON.stringify(bundle)}: ${reasonOf(missing)}`);
  }
  throw new RuntimeError(
    "ENOENT_CONFIG",
    `JSON specification file config.json not found in ${JSON.stringify(bundle)}`,
  );
}
