/**
 * The configuration that a container was created from. Later changes of its bundle do not matter.
 * @module
 */

import { parseJson } from "../../spec/json.ts";
import type { HookName, Spec } from "../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { readSmallFile, RECORD_MAX } from "../host/small_file.ts";
import { containerDir } from "./id.ts";

/** Its text. @throws {RuntimeError} When it cannot be read. */
export function savedText(root: string, id: string): string {
  const path = `${containerDir(root, id)}/config.json`;
  try {
    return readSmallFile(path, RECORD_MAX);
  } catch (error) {
    throw new RuntimeError("EIO_SAVED_CONFIG", `read ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Whether a document may have hooks of a kind. Most have none, and parsing one takes longer than looking for
 * the word, which may be written with escapes.
 */
export function mayHaveHooks(text: string, name: HookName): boolean {
  return text.includes(`"${name}"`) || text.includes("\\u");
}

/** The document. @throws {RuntimeError} When it cannot be read. */
export function savedConfig(root: string, id: string): Spec {
  const text = savedText(root, id);
  try {
    return parseJson(text) as unknown as Spec;
  } catch (error) {
    throw new RuntimeError(
      "EIO_SAVED_CONFIG",
      `parse ${containerDir(root, id)}/config.json: ${reasonOf(error)}`,
    );
  }
}
