/**
 * `start`: lets a created container's init go on, and learns whether it became the program.
 * @module
 */

import { Descriptor } from "../../ffi/descriptor.ts";
import { readAt } from "../../ffi/io.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import { AT_FDCWD, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, POLLERR, POLLHUP, POLLIN } from "../../ffi/constants.ts";
import { ESRCH } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { Hook } from "../../spec/types.ts";
import { mayHaveHooks, savedConfig, savedText } from "./saved_config.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { Log } from "../host/log.ts";
import { lockContainer } from "./lock.ts";
import { containerDir } from "./id.ts";
import { insist } from "./insist.ts";
import { type ContainerState, readState } from "./record.ts";
import { type StartFound, takeStartReport } from "./start_report.ts";
import { endedAsInit, initAlive, ociState, statusOf } from "./status.ts";
import { mark } from "../host/trace.ts";

/** The most bytes of a report that are read; init/start_report.ts describes them. */
const REPORT_SIZE = 8192, PIECE = 1024;

/**
 * Starts the program of a container that is in the state `created`.
 *
 * @param log Takes the failures of poststop hooks, where the container has to be removed.
 * @throws {RuntimeError} When it is in another state, when its program cannot be executed (`exec /x:
 * <reason>`), or when a startContainer or poststart hook fails, which stops the container.
 */
export async function startContainer(k: LocalKernel, root: string, id: string, log: Log): Promise<void> {
  using _lock = lockContainer(k, root, id);
  const state = readState(root, id);
  const found = takeStartReport(k, containerDir(root, id));
  if (found === undefined) checkStatus(statusOf(root, state));
  // Everything that may fail comes before the fifo is opened: a program that runs cannot be called back.
  const hooks = poststartHooks(root, id);
  const after = hooks.length > 0 ? await loadPoststart() : undefined;
  mark("state read", "runtime/container/start.ts startContainer");
  const fifo = `${containerDir(root, id)}/exec.fifo`;
  const report = openGate(k, fifo, state, found);
  mark("program started", "runtime/container/start.ts startContainer");
  // A fifo that stays does no harm: the init has another name now.
  k.unlinkat(AT_FDCWD, fifo, 0, { allow: "any" });
  if (report.length > 0) throw new RuntimeError("ENOEXEC_PROGRAM", await describe(report, root, id));
  if (after) await poststart(k, root, state, hooks, log, after);
}

/** The message of a report of the init. */
async function describe(report: Uint8Array<ArrayBuffer>, root: string, id: string): Promise<string> {
  const { decodeStartReport } = await import("../../init/start_report.ts");
  return decodeStartReport(report, savedConfig(root, id).hooks?.startContainer ?? []);
}

function checkStatus(status: string): void {
  if (status === "created") return;
  if (status === "stopped") {
    throw new RuntimeError("ESRCH_CONTAINER", "cannot start a container that has stopped");
  }
  if (status === "running") {
    throw new RuntimeError("EALREADY_CONTAINER", "cannot start an already running container");
  }
  throw new RuntimeError("EBUSY_CONTAINER", `cannot start a container in the ${status} state`);
}

/**
 * Opens the fifo that the init waits at, and reads to its end. An end of file without any byte means that the
 * program runs.
 *
 * The open does not block: an init that was killed meanwhile would hang it. poll(2) waits for the fifo and
 * for the init's pidfd.
 *
 * @param found What a prepared start has found behind the fifo, which it has opened then.
 */
function openGate(
  k: LocalKernel,
  path: string,
  state: ContainerState,
  found: StartFound | undefined,
): Uint8Array<ArrayBuffer> {
  const gone = () => new RuntimeError("ESRCH_CONTAINER", "container process is already dead");
  if (found !== undefined) {
    if (found.gone || found.report.length === 0 && endedAsInit(state)) throw gone();
    return found.report;
  }
  using pidfd = new Descriptor(k, pidfdOpen(k, state.pid, { allow: [ESRCH] }));
  if (pidfd.fd < 0 || !initAlive(state)) throw gone();
  using fifo = new Descriptor(k, k.open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
  return k.scratch(() => {
    const data = k.buffer(REPORT_SIZE);
    let length = 0;
    for (;;) {
      const [gate, init] = insist(() => k.waitReadable(fifo.fd, pidfd.fd));
      if (gate & POLLIN) {
        // What is more than a report may have is read over the last piece: it is no report of the init.
        const at = Math.min(length, REPORT_SIZE - PIECE);
        const got = insist(() =>
          readAt(k, fifo.fd, data.address + at, REPORT_SIZE - at, { doing: `read ${path}` })
        );
        // A pipe with something to read does not end, and one that has ended says so by a hang-up.
        if (got === 0) throw new RuntimeError("EINVAL_STATE", `open ${path}: not a pipe`);
        length = at + got;
      } else if (gate & (POLLHUP | POLLERR)) break;
      // The init ended without opening the fifo, so there is no hang-up to wait for.
      else if (init !== 0) throw gone();
    }
    if (length === 0 && endedAsInit(state)) throw gone();
    return data.bytes.slice(0, length);
  });
}

/** The poststart hooks of the config as it was at create. */
function poststartHooks(root: string, id: string): readonly Hook[] {
  if (!mayHaveHooks(savedText(root, id), "poststart")) return [];
  return savedConfig(root, id).hooks?.poststart ?? [];
}

/** What runs poststart hooks, and ends a container for which one has failed. */
type Poststart = Awaited<ReturnType<typeof loadPoststart>>;

async function loadPoststart() {
  const { runHooks } = await import("./hooks.ts");
  const { destroyContainer } = await import("./destroy.ts");
  return { runHooks, destroyContainer };
}

/** Runs poststart hooks. A failing one ends the container: runtime.md, Lifecycle, step 9. */
async function poststart(
  k: LocalKernel,
  root: string,
  state: ContainerState,
  hooks: readonly Hook[],
  log: Log,
  { runHooks, destroyContainer }: Poststart,
): Promise<void> {
  try {
    runHooks(k, "poststart", hooks, ociState(state, "running"));
  } catch (error) {
    await destroyContainer(k, root, state, log);
    throw error;
  }
}

/**
 * Starts a container, and stays until its process is ready or has ended. The service manager is told when it
 * is ready.
 *
 * @param manager `NOTIFY_SOCKET` of tsrun's own environment.
 * @throws {RuntimeError} As {@linkcode startContainer}.
 */
export async function startNotified(
  k: LocalKernel,
  root: string,
  id: string,
  log: Log,
  manager: string,
): Promise<void> {
  const { NotifyProxy } = await import("../features/readiness/notify.ts");
  using proxy = NotifyProxy.open(k, containerDir(root, id), manager);
  await startContainer(k, root, id, log);
  const { pid } = readState(root, id);
  await proxy?.pass({ pid, mainPid: pid });
}
