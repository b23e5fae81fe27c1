/**
 * `run`: create and start in one command; in the foreground it also waits, and removes the container.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { createContainer } from "./create/create.ts";
import type { CreateOptions } from "./create/plan.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { removeOwnContainer } from "./delete.ts";
import { containerDir } from "./id.ts";
import { Interrupts } from "./interrupts.ts";
import { startContainer } from "./start.ts";
import type { NotifyProxy } from "../features/readiness/notify.ts";
import { mark } from "../host/trace.ts";
import { type Staying, superviseContainer } from "./supervisor.ts";
import { callerVariable, ownPid } from "../host/caller.ts";

/** The options of the command line. */
export interface RunOptions extends CreateOptions, Staying {
  /** Keep the container after it has ended. */
  keep: boolean;
}

/**
 * Runs a container.
 *
 * @returns 0 when detached, else the exit status of its process, 128 + n when signal n ended it.
 * @throws {RuntimeError} As create and start do. The container is gone then.
 */
export async function runContainer(k: LocalKernel, options: RunOptions): Promise<number> {
  const supervisor = superviseContainer(k, options);
  // A detached command passes no signal on. Until the program runs, a signal ends the command and the
  // container.
  const interrupts = options.detach ? new Interrupts(k) : undefined;
  let master = -1;
  const relay = supervisor?.relay ?? interrupts?.relay;
  const ending: (() => void)[] = [];
  const staying = { takeMaster: (fd: number) => master = fd, atEnd: (step: () => void) => ending.push(step) };
  const state = await createContainer(
    k,
    options.detach ? options : { ...options, ...staying },
    () => new Interrupts(k, relay),
  );
  using terminal = await supervisor?.terminal(master);
  let proxy: NotifyProxy | undefined;
  try {
    proxy = await openNotify(k, options);
    const start = () => startContainer(k, options.root, options.id, options.log);
    await (interrupts ? interrupts.during(start) : start());
    interrupts?.check();
    interrupts?.release();
    options.log.settle();
  } catch (error) {
    interrupts?.disarm();
    throw await removeFailed(k, options, error);
  }
  using _proxy = proxy;
  // In the foreground the service manager goes on to watch tsrun, which passes signals on.
  const mainPid = supervisor === undefined ? state.pid : ownPid();
  // A failure to notify the manager does not end the container.
  const notified = proxy?.pass({ pid: state.pid, mainPid }).catch((error) =>
    options.log.warn(reasonOf(error), "runtime/container/run.ts runContainer")
  );
  if (supervisor === undefined) {
    await notified;
    return 0;
  }
  supervisor.shared = proxy !== undefined;
  try {
    const status = await supervisor.attend(state.pid, terminal);
    await notified;
    mark("program ended", "runtime/container/run.ts runContainer");
    if (options.keep) (await import("./exit_status.ts")).recordExit(k, options.root, state, status);
    return status;
  } finally {
    // This includes a container that cannot be waited for, since no other process would remove it.
    if (!options.keep) await removeOwnContainer(k, options.root, options.id, options.log);
    for (const step of ending) step();
  }
}

/**
 * Removes a container whose start failed.
 *
 * @returns The error to report: the reason, with what went wrong behind it.
 */
async function removeFailed(
  k: LocalKernel,
  { root, id, log }: RunOptions,
  error: unknown,
): Promise<unknown> {
  try {
    await removeOwnContainer(k, root, id, log);
  } catch (cleanup) {
    return new RuntimeError(
      "EIO_CLEANUP",
      `${reasonOf(error)}; and cleaning up failed: ${reasonOf(cleanup)}`,
    );
  }
  return error;
}

/** Opens the socket for readiness, where a service manager wants to know of it. */
async function openNotify(
  k: LocalKernel,
  { root, id }: RunOptions,
): Promise<NotifyProxy | undefined> {
  const manager = callerVariable("NOTIFY_SOCKET");
  return manager
    ? (await import("../features/readiness/notify.ts")).NotifyProxy.open(k, containerDir(root, id), manager)
    : undefined;
}
