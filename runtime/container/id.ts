/**
 * A container's id, and the directory of that name under the state root.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";

/** Directory of a container. @param root Absolute. @param id Checked before by {@linkcode validateId}. */
export function containerDir(root: string, id: string): string {
  return `${root}/${id}`;
}

/**
 * Refuses ids that are not plain file names of letters, digits, `_`, `+`, `-` and `.`; also `.` and `..`.
 *
 * @throws {RuntimeError} in runc's words.
 */
export function validateId(id: string): void {
  if (id === "") throw new RuntimeError("EINVAL_CONTAINER_ID", "container id cannot be empty");
  if (!isId(id)) throw new RuntimeError("EINVAL_CONTAINER_ID", "invalid container ID format");
}

/** Whether a container can have this id. */
export function isId(id: string): boolean {
  return /^[\w+.-]+$/.test(id) && id !== "." && id !== "..";
}
