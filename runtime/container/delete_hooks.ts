/**
 * The end of a container with the hooks that belong to it.
 * @module
 */

import type { Hook } from "../../spec/types.ts";
import { savedConfig } from "./saved_config.ts";
import { destroyContainer } from "./delete.ts";
import { runPoststop } from "./hooks.ts";
import { lockContainer } from "./lock.ts";
import type { Log } from "../host/log.ts";
import { type ContainerState, readState } from "./record.ts";

/** Destroys a container and then runs its poststop hooks, whose failures are only warned of. */
export async function destroyWithHooks(root: string, state: ContainerState, log: Log): Promise<void> {
  const hooks = poststopHooks(root, state.id);
  await destroyContainer(root, state);
  for (const failure of runPoststop(hooks, state)) log.warn(failure);
}

/** Locks, reads and destroys a container. */
export async function deleteWithHooks(root: string, id: string, log: Log): Promise<void> {
  using _lock = lockContainer(root, id);
  await destroyWithHooks(root, readState(root, id), log);
}

/** A container whose saved config cannot be read must still go; its hooks are then unknown. */
function poststopHooks(root: string, id: string): readonly Hook[] {
  try {
    return savedConfig(root, id).hooks?.poststop ?? [];
  } catch {
    return [];
  }
}
