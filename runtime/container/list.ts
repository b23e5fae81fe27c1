/**
 * `list`: the records of all containers under a state root.
 * @module
 */
import type { Status } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { type ContainerState, readState } from "./record.ts";
import { listIds } from "./state_dir.ts";
import { statusOf } from "./status.ts";

/** A container and its status. */
export interface ListedContainer {
  state: ContainerState;
  status: Status;
}

/**
 * Reads the containers of a root in order of their ids. A missing root has none.
 *
 * @param root State root.
 * @param unreadable Takes the id of a container whose record cannot be read, and the reason. Such a container
 * is left out.
 * @throws {RuntimeError} When the root itself cannot be read.
 */
export function listContainers(
  root: string,
  unreadable: (id: string, error: RuntimeError) => void,
): ListedContainer[] {
  const listed: ListedContainer[] = [];
  for (const id of listIds(root)) {
    try {
      const state = readState(root, id);
      listed.push({ state, status: statusOf(root, state) });
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      unreadable(id, error);
    }
  }
  return listed;
}
