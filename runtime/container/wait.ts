/**
 * `wait`: the end of a container's process, and its exit status, for a caller that is not its parent.
 * @module
 */

import { Descriptor } from "../../ffi/descriptor.ts";
import { ESRCH } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import { reapedWord } from "../../ffi/pidfd_info.ts";
import { exitStatus } from "../../ffi/wait.ts";
import { PollSet } from "../host/poll.ts";
import { startTimeOf } from "../host/process.ts";
import { exitStatusOf, recordExit, zombieStatus } from "./exit_status.ts";
import { type ContainerState, readState } from "./record.ts";

/** Milliseconds between looks at a zombie whose status the caller may not read. */
const PAUSE = 50;

/** Waits until a descriptor is readable. */
type Waiting = (poll: PollSet, milliseconds?: number) => number[] | Promise<number[]>;

/**
 * Waits until the container's process has ended. The status is then written into the container's record.
 *
 * @param waiting How to wait: on this thread if absent. A container that is busy then is waited for too.
 * @returns Its exit status, 128 + n when signal n ended it. Undefined if the process had ended before, or if
 * its parent reaped it on Linux before 6.15, so that the status is lost.
 * @throws {RuntimeError} `container does not exist`, or that it is still being made.
 */
export async function waitForContainer(
  k: LocalKernel,
  root: string,
  id: string,
  waiting?: Waiting,
): Promise<number | undefined> {
  const state = readState(root, id);
  if (state.pid === 0) {
    throw new RuntimeError("EBUSY_CONTAINER", `cannot wait for container ${id}: it has no process yet`);
  }
  using pidfd = new Descriptor(k, pidfdOpen(k, state.pid, { allow: [ESRCH] }));
  // The pid may be another process's by now.
  if (pidfd.fd < 0 || startTimeOf(state.pid) !== state.startTime) return exitStatusOf(state);
  const blocking: Waiting = (poll, milliseconds) => poll.wait(milliseconds);
  const status = await waitForEnd(k, state, pidfd.fd, waiting ?? blocking);
  if (status !== undefined) recordExit(k, root, state, status, waiting && 0);
  return status;
}

/** The error for a status that nobody can tell any more. */
export function unknownStatus(id: string, exitCode?: number): RuntimeError {
  return new RuntimeError(
    "ENODATA_EXIT_STATUS",
    `the exit status of container ${id} is not known: its parent has reaped its process ` +
      "(wait for it before it ends, on Linux 6.15 or later)",
    exitCode,
  );
}

async function waitForEnd(
  k: LocalKernel,
  state: ContainerState,
  pidfd: number,
  waiting: Waiting,
): Promise<number | undefined> {
  const poll = new PollSet(k, [pidfd]);
  // A signal may end a wait early.
  while ((await waiting(poll))[0] === 0);
  const pause = new PollSet(k, []);
  for (;;) {
    const status = zombieStatus(state) ?? reapedStatus(k, pidfd);
    if (status !== undefined) return status;
    // It may have been reaped between the two looks.
    if (startTimeOf(state.pid) !== state.startTime) return reapedStatus(k, pidfd);
    await waiting(pause, PAUSE);
  }
}

function reapedStatus(k: LocalKernel, pidfd: number): number | undefined {
  const word = reapedWord(k, pidfd);
  return word === undefined ? undefined : exitStatus(word);
}
