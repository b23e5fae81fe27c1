/**
 * The exit status of a container that has stopped. The kernel tells it to the parent of the init, to the
 * holder of a pidfd, and to readers of /proc until the init is reaped. Afterwards it is known only if a
 * command that has learned it wrote it into the container's record.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { exitStatus } from "../../ffi/wait.ts";
import { removeFile } from "../host/files.ts";
import { zombieWord } from "../host/zombie.ts";
import { containerDir } from "./id.ts";
import { lockContainer } from "./lock.ts";
import { type ContainerState, readState, writeState } from "./record.ts";

/** How long a command waits for its turn to write the status, in milliseconds. */
const PATIENCE = 2000;

/**
 * Exit status of a container that has stopped, 128 + n when signal n ended it; undefined if it is not known.
 */
export function exitStatusOf(state: ContainerState): number | undefined {
  return state.exitStatus ?? zombieStatus(state);
}

/** Exit status of an init that has ended and has not been reaped; undefined if there is no such zombie. */
export function zombieStatus({ pid, startTime }: ContainerState): number | undefined {
  const word = zombieWord(pid, startTime);
  return word === undefined ? undefined : exitStatus(word);
}

/**
 * Writes the exit status into the container's record, for later commands. A container that is gone, or that
 * another command is busy with, is left alone: the caller knows the status in any case.
 *
 * @param known The record as the caller knows it.
 * @param patience Milliseconds to wait for a busy container. The event loop stands still meanwhile.
 */
export function recordExit(
  k: LocalKernel,
  root: string,
  known: ContainerState,
  status: number,
  patience: number = PATIENCE,
): void {
  try {
    using _lock = lockContainer(k, root, known.id, patience);
    const state = readState(root, known.id);
    const same = state.pid === known.pid && state.startTime === known.startTime;
    if (!same || state.exitStatus !== undefined) return;
    writeState(root, { ...state, exitStatus: status });
    // What was prepared for a command without the engine does not know the status.
    removeFile(`${containerDir(root, known.id)}/prepared`);
  } catch { /* it is told all the same */ }
}
