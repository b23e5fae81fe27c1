/**
 * `restore` to its end. In the foreground it also waits for the container and cleans up.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { mark } from "../host/trace.ts";
import { removeOwnContainer } from "./delete.ts";
import { restoreContainer, type RestoreOptions } from "./restore.ts";
import { type Staying, superviseContainer } from "./supervisor.ts";

/** What the command line says. */
export type RunRestoredOptions = RestoreOptions & Staying;

/**
 * Restores a container, and waits for its end unless it is detached.
 *
 * @returns 0 when detached, else the exit status of its process, 128 + n when signal n ended it.
 * @throws {RuntimeError} As {@linkcode restoreContainer} does. The container is gone then.
 */
export async function runRestored(k: LocalKernel, options: RunRestoredOptions): Promise<number> {
  const supervisor = superviseContainer(k, options);
  let master = -1;
  const takeMaster = options.detach ? undefined : (fd: number) => master = fd;
  const { pid } = await restoreContainer(k, { ...options, takeMaster }, supervisor?.relay);
  mark("processes restored", "runtime/container/run_restored.ts runRestored");
  if (supervisor === undefined) return 0;
  using terminal = await supervisor.terminal(master);
  const status = await supervisor.attend(pid, terminal);
  await removeOwnContainer(k, options.root, options.id, options.log);
  return status;
}
