/**
 * `restore` to its end. In the foreground it also waits for the container and cleans up.
 * @module
 */

import { PR_SET_CHILD_SUBREAPER } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { mark } from "../host/trace.ts";
import { removeOwnContainer } from "./delete.ts";
import { restoreContainer, type RestoreOptions } from "./restore.ts";
import { Supervisor } from "./supervisor.ts";

/** What the command line says. */
export interface RunRestoredOptions extends RestoreOptions {
  /** Return as soon as the processes run. */
  detach: boolean;
  /** Leave orphans of the container to the next reaper above. */
  noSubreaper: boolean;
}

/**
 * Restores a container, and waits for its end unless it is detached.
 *
 * @returns 0 when detached, else the exit status of its process, 128 + n when signal n ended it.
 * @throws {RuntimeError} As {@linkcode restoreContainer} does. The container is gone then.
 */
export async function runRestored(k: LocalKernel, options: RunRestoredOptions): Promise<number> {
  // This comes before anything is made, so that no signal meant for the container is lost.
  const supervisor = options.detach ? undefined : new Supervisor(k);
  if (!options.detach && !options.noSubreaper) k.prctl(PR_SET_CHILD_SUBREAPER, 1);
  let master = -1;
  const takeMaster = options.detach ? undefined : (fd: number) => master = fd;
  const { pid } = await restoreContainer(k, { ...options, takeMaster }, supervisor?.relay);
  mark("processes restored");
  if (supervisor === undefined) return 0;
  using terminal = master < 0
    ? undefined
    : new (await import("../features/terminal/terminal.ts")).Terminal(k, master, supervisor);
  // The copy begins before the wait, because a reaped process cannot be looked at.
  terminal?.attach(pid);
  const status = await supervisor.wait(pid);
  await terminal?.drained();
  await removeOwnContainer(k, options.root, options.id, options.log);
  return status;
}
