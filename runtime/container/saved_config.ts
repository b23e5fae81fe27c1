/**
 * The configuration that a container was created from. Later changes of its bundle do not matter.
 * @module
 */

import { parseJson } from "../../spec/json.ts";
import type { Spec } from "../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { containerDir } from "./id.ts";

/** Its text. @throws {RuntimeError} When it cannot be read. */
export function savedText(root: string, id: string): string {
  const path = `${containerDir(root, id)}/config.json`;
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new RuntimeError("EIO_SAVED_CONFIG", `read ${path}: ${reasonOf(error)}`);
  }
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
