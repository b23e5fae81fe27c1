/**
 * `exec`: one more process in a running container.
 *
 *     the stage starts ── makes itself at home ──────┐
 *     planExec ── reads and decides, starts nothing ─┴─> the deed: joins, becomes the process, is heard of
 *
 * @module
 */

import { pidfdOpen } from "../../../ffi/pidfd.ts";
import { SIGKILL } from "../../../ffi/constants.ts";
import { EAGAIN, ESRCH } from "../../../ffi/errno.ts";
import { lineOfError, ownError, reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { Arena, ExecutorGone } from "../../../init/executor.ts";
import { Stage } from "../../../init/stage.ts";
import { type ExecEntry, isPaused, loadEntry, loadFullEntry, loadSystemdEntry } from "../../cgroups/mod.ts";
import { checkPreserved } from "../../host/inherited_fds.ts";
import { writePidFile } from "../../host/pid_file.ts";
import { mark } from "../../host/trace.ts";
import { type ContainerState, readState } from "../record.ts";
import { initAlive, initEnds } from "../status.ts";
import { checkRoot } from "../state_dir.ts";
import { UndoStack } from "../undo.ts";
import { Deed, type Elsewhere, type ExecTools } from "./deed.ts";
import { type ExecOptions, planExec } from "./plan.ts";
import { failedStart, makeReport, NoRoomError } from "./reports.ts";

/**
 * Runs a process in a container.
 *
 * @returns 0 when detached, else the exit status of the process, 128 + n when signal n ended it.
 * @throws {RuntimeError} The failure. No process is left then.
 */
export async function execInContainer(k: LocalKernel, options: ExecOptions): Promise<number> {
  // The process may have a terminal.
  const waits = !options.detach && (typeof options.process === "string" || options.process.tty);
  if (waits) (await import("../../../ffi/background.ts")).prepareBackground();
  // This comes before anything is started, so that no signal meant for the process is lost. It is never
  // disposed of: tsrun ends with it.
  const supervisor = options.detach ? undefined : new (await import("../supervisor.ts")).Supervisor(k);
  let master = -1;
  const ending: (() => void)[] = [];
  const staying = {
    relay: supervisor?.relay,
    takeMaster: (fd: number) => master = fd,
    atEnd: (step: () => void) => ending.push(step),
  };
  const deed = await startProcess(k, options.detach ? options : { ...options, ...staying });
  const { pid } = deed;
  using terminal = await supervisor?.terminal(master);
  mark("program started", "runtime/container/exec/exec.ts execInContainer");
  tellCaller(k, options, deed);
  options.log.settle();
  if (supervisor === undefined) return 0;
  const status = await supervisor.attend(pid, terminal);
  for (const step of ending) step();
  return status;
}

/**
 * Runs a process in a container. It is a child of this process, and the caller has to wait for it.
 *
 * @returns Its pid on the host.
 * @throws {RuntimeError} The failure. No process is left then.
 */
export async function spawnInContainer(k: LocalKernel, options: ExecOptions): Promise<number> {
  const deed = await startProcess(k, options);
  tellCaller(k, options, deed);
  return deed.pid;
}

/**
 * Gives the caller the pid and the pidfd that it asked for. Where that fails, the process is killed, because
 * the caller would not know of it.
 */
function tellCaller(k: LocalKernel, { pidFile }: ExecOptions, deed: Deed): void {
  try {
    deed.do("running");
    if (pidFile !== undefined) writePidFile(pidFile, deed.pid);
  } catch (error) {
    k.kill(deed.pid, SIGKILL, { allow: "any" });
    k.reap(deed.pid);
    throw error;
  }
}

const STOPPED = "cannot exec in a stopped container";

/** A deed, and the cgroups that it enters. */
interface Prepared {
  deed: Deed;
  entry: ExecEntry;
  elsewhere: Elsewhere | undefined;
}

/** Starts the process. Its program runs afterwards. */
async function startProcess(k: LocalKernel, options: ExecOptions): Promise<Deed> {
  checkPreserved(k, 0, options.preserveFds);
  checkRoot(options.root, k);
  const state = readState(options.root, options.id);
  let first: Prepared | undefined;
  try {
    return await attempt(k, options, state, async (tools) => first = await prepare(tools, options, state));
  } catch (error) {
    const entry = error instanceof NoRoomError ? await entryOfFull(first!) : undefined;
    if (entry === undefined) throw meaningOf(error, state);
    const again = (tools: ExecTools) => ({ ...first!, deed: new Deed(tools, first!.deed.plan), entry });
    try {
      return await attempt(k, options, state, again);
    } catch (error) {
      throw meaningOf(error, state);
    }
  }
}

/** A container that is ending explains other failures. */
function meaningOf(error: unknown, state: ContainerState): unknown {
  if (initEnds(state)) return new RuntimeError("ESRCH_CONTAINER", STOPPED);
  return error instanceof ExecutorGone ? failedStart(reasonOf(error)) : ownError(error);
}

/** Makes the plan, and decides how the cgroups are entered. */
async function prepare(tools: ExecTools, options: ExecOptions, state: ContainerState): Promise<Prepared> {
  const { k, stage } = tools;
  const plan = await planExec(k, options, state);
  const deed = new Deed(tools, plan);
  deed.do("connected");
  const { entryOf, cgroupOfInit } = await loadEntry();
  // From a session that systemd does not delegate, only systemd can move a process into a user's unit.
  const entry = state.cgroup?.bus === "user"
    ? (await loadSystemdEntry()).enterBySystemd(k, state.cgroup, plan.cgroups.unified, stage.pid)
    : entryOf(plan.cgroups);
  const elsewhere = (errno: number) => cgroupOfInit(entry.cloneInto!, state.pid, errno);
  // A cgroup that was asked for by name is not replaced by another.
  return { deed, entry, elsewhere: options.cgroups.length > 0 ? undefined : elsewhere };
}

/**
 * How to enter cgroups that have room for one process only, while an exec needs room for two for a moment.
 */
async function entryOfFull({ deed }: Prepared): Promise<ExecEntry | undefined> {
  return (await loadFullEntry()).entryOfFull(deed.plan.cgroups);
}

/**
 * One try. It starts a stage, lets `prepare` work while the stage closes descriptors, and carries out the
 * result.
 *
 * @throws {NoRoomError} If the cgroup has no room for one more process. Nothing is left of the try then.
 */
async function attempt(
  k: LocalKernel,
  { ignorePaused, preserveFds }: ExecOptions,
  state: ContainerState,
  prepare: (tools: ExecTools) => Prepared | Promise<Prepared>,
): Promise<Deed> {
  const initPidfd = openInit(k, state, ignorePaused);
  using arena = new Arena(k, preserveFds);
  await using undo = new UndoStack();
  const report = makeReport(k, arena), pidfd = arena.inherited(initPidfd);
  using _report = { [Symbol.dispose]: () => void k.close(report.read) };
  const stage = new Stage(arena, preserveFds, undefined, [arena.fd, pidfd, report.write]);
  undo.add(() => stage.kill());
  k.close(report.write);
  k.close(pidfd);
  mark("stage started", "runtime/container/exec/exec.ts attempt");
  const { deed, entry, elsewhere } = await prepare({ k, stage, pidfd, report });
  try {
    deed.setUp(entry, elsewhere);
  } catch (error) {
    throw failedSetUp(error);
  }
  undo.keep();
  deed.hear();
  return deed;
}

/**
 * Refuses a container that cannot be entered, in runc's words. Otherwise returns a pidfd of the init, which
 * no other process can take over.
 */
function openInit(k: LocalKernel, state: ContainerState, ignorePaused: boolean): number {
  const pidfd = state.pid === 0 ? -ESRCH : pidfdOpen(k, state.pid, { allow: [ESRCH] });
  if (pidfd < 0 || !initAlive(state)) throw new RuntimeError("ESRCH_CONTAINER", STOPPED);
  if (!ignorePaused && isPaused(state.cgroup)) {
    throw new RuntimeError(
      "EBUSY_PAUSED",
      "cannot exec in a paused container (use --ignore-paused to override)",
    );
  }
  return pidfd;
}

/** The error to report for a failed set-up. */
function failedSetUp(error: unknown): RuntimeError {
  const full = error instanceof OperationError && error.call === "clone3" && error.errno === EAGAIN;
  const { message } = failedStart(lineOfError(error));
  return full ? new NoRoomError(message) : RuntimeError.from(error, message);
}
