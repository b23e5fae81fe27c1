/**
 * A container's id, and the directory under the state root that carries it.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";

/** Directory of a container. @param root Absolute. @param id Checked before by {@linkcode validateId}. */
export function containerDir(root: string, id: string): string {
  return `${root}/${id}`;
}

/**
 * Refuses ids that are no plain file names: letters, digits, `_`, `+`, `-` and `.`, but not `.` or `..`.
 *
 * @throws {RuntimeError} in runc's words.
 */
export function validateId(id: string): void {
  if (id === "") throw new RuntimeError("container id cannot be empty");
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === "..") {
    throw new RuntimeError("invalid container ID format");
  }
}
