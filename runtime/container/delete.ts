/**
 * `delete`: removes a container that has stopped, or, by force, any container.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { Log } from "../host/log.ts";
import { destroyContainer, destroyUnreadable, insistOn } from "./destroy.ts";
import { lockContainer } from "./lock.ts";
import { type ContainerState, CorruptStateError, MissingContainerError, readState } from "./record.ts";
import { removeUnrecorded } from "./state_dir.ts";
import { statusOf } from "./status.ts";

/** The options of the command line. */
export interface DeleteOptions {
  /** State root, absolute. */
  root: string;
  id: string;
  /** Kill a running container. A missing container is no error then. */
  force: boolean;
  /** The value of `--systemd-cgroup` now. It leads to the cgroup of a container whose record is damaged. */
  systemdCgroup: boolean;
  log: Log;
}

/**
 * Deletes a container, and runs its poststop hooks.
 *
 * @throws {RuntimeError} `container does not exist`, `cannot delete container <id> that is not stopped:
 * <status>`, or the part that could not be removed. Another call goes on from there.
 */
export async function deleteContainer(k: LocalKernel, options: DeleteOptions): Promise<void> {
  try {
    using _lock = lockContainer(k, options.root, options.id);
    await deleteLocked(k, options);
  } catch (error) {
    if (!(options.force && error instanceof MissingContainerError)) throw error;
  }
}

async function deleteLocked(
  k: LocalKernel,
  { root, id, force, systemdCgroup, log }: DeleteOptions,
): Promise<void> {
  let state: ContainerState;
  try {
    state = readState(root, id);
  } catch (error) {
    // This is a directory without a record: its tsrun was killed before it made anything else.
    if (error instanceof MissingContainerError) removeUnrecorded(root, id);
    if (!(force && error instanceof CorruptStateError)) throw error;
    return await destroyUnreadable(k, root, id, systemdCgroup);
  }
  const status = statusOf(root, state);
  if (!force && (status === "running" || status === "paused")) {
    throw new RuntimeError("EBUSY_CONTAINER", `cannot delete container ${id} that is not stopped: ${status}`);
  }
  // Under the lock, "creating" means that the creator is dead.
  await destroyContainer(k, root, state, log);
}

/**
 * Removes a container that this process has made, in any state. A container that is gone already was removed
 * by a poststart hook that failed, by "checkpoint", or by "delete --force".
 */
export async function removeOwnContainer(
  k: LocalKernel,
  root: string,
  id: string,
  log: Log,
): Promise<void> {
  try {
    await insistOn(async () => {
      using _lock = lockContainer(k, root, id);
      try {
        await destroyContainer(k, root, readState(root, id), log);
      } catch (error) {
        if (!(error instanceof MissingContainerError)) throw error;
        // The record was removed before the rest of the directory, which could not be removed.
        removeUnrecorded(root, id);
      }
    });
  } catch (error) {
    if (!(error instanceof MissingContainerError)) throw error;
  }
}
