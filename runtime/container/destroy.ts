/**
 * The end of a container from any point of its life: a stopped one, one whose tsrun was killed in the middle
 * of create, one that is removed by force. Every step accepts that it has been done before.
 * @module
 */
import { SIGKILL } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { Hook, Linux, Spec } from "../../spec/types.ts";
import {
  type CgroupDriver,
  loadDriver,
  loadResctrl,
  loadResctrlCleanup,
  openCgroup,
} from "../cgroups/mod.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { Log } from "../host/log.ts";
import { killPid, sendSignal } from "../host/signal.ts";
import { readSmallFile, RECORD_MAX } from "../host/small_file.ts";
import { sleepSync } from "../host/sleep.ts";
import { containerDir } from "./id.ts";
import type { ContainerState } from "./record.ts";
import { mayHaveHooks } from "./saved_config.ts";
import { initAlive } from "./status.ts";
import { removeStateDir } from "./state_dir.ts";
import { mark } from "../host/trace.ts";
import { callerIsRoot } from "../host/caller.ts";

/** How long the kernel may take to end killed processes, in milliseconds. runc waits as long. */
const KILL_TIMEOUT = 10_000;
/** Milliseconds within which killed processes usually end. */
const PROMPT_END = 100;
/** How long processes may take to stop before they are signalled one by one, in milliseconds. */
const FREEZE_TIMEOUT = 1000;

/**
 * Kills what is left of a container, removes its processes, cgroups and state directory, and then runs its
 * poststop hooks. Every container ends here: by `delete`, after a `run`, and after a create or start that
 * failed.
 *
 * A failing poststop hook is logged as a warning, and the next one runs (runtime-spec runtime.md, Lifecycle,
 * step 13).
 *
 * @param root State root.
 * @param state The container's record. A pid of 0 and a cgroup of null mean that none was made.
 * @param log Takes the warnings.
 * @throws {RuntimeError} `container init still running`, or the part that could not be removed. No hook has
 * run then, and another call goes on from there.
 */
export async function destroyContainer(
  k: LocalKernel,
  root: string,
  state: ContainerState,
  log: Log,
): Promise<void> {
  const hooks = poststopHooks(root, state.id, log);
  await removeAll(k, root, state);
  if (hooks.length === 0) return;
  const { runPoststop } = await import("./hooks.ts");
  for (const failure of runPoststop(k, hooks, state)) {
    log.warn(failure, "runtime/container/destroy.ts destroyContainer");
  }
}

/**
 * Tries a removal a second time if it fails: only this process knows of the container.
 *
 * @throws The error of the second try.
 */
export async function insistOn(removal: () => Promise<void>): Promise<void> {
  try {
    await removal();
  } catch {
    await removal();
  }
}

/** The poststop hooks of the config as it was at create; none where the config is lost. */
function poststopHooks(root: string, id: string, log: Log): readonly Hook[] {
  try {
    const text = readSmallFile(`${containerDir(root, id)}/config.json`, RECORD_MAX);
    return mayHaveHooks(text, "poststop") ? (JSON.parse(text) as Spec).hooks?.poststop ?? [] : [];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      log.warn(`poststop hooks: ${reasonOf(error)}`, "runtime/container/destroy.ts poststopHooks");
    }
    return [];
  }
}

/** Removes everything except what hooks may have made. */
async function removeAll(k: LocalKernel, root: string, state: ContainerState): Promise<void> {
  const cgroup = state.cgroup === null ? null : await openCgroup(() => k, state.cgroup);
  killInit(k, state, cgroup);
  mark("init gone", "runtime/container/destroy.ts removeAll");
  if (cgroup !== null) {
    removeCgroup(k, cgroup, state.cgroupClaimed);
    mark("cgroup removed", "runtime/container/destroy.ts removeAll");
  }
  if (state.resctrl) (await loadResctrl()).removeResctrl(state.resctrl);
  if (state.rootMount !== undefined) {
    (await import("../features/root_mount.ts")).detachRoot(k, state.rootfs, state.rootMount);
  }
  removeStateDir(root, state.id);
  mark("state removed", "runtime/container/destroy.ts removeAll");
}

/**
 * Removes a container's cgroup. A cgroup that was recorded but not claimed holds no process of the container:
 * its processes belong to something else, and only empty directories are removed.
 */
function removeCgroup(k: LocalKernel, cgroup: CgroupDriver, claimed: boolean): void {
  if (claimed) {
    emptyCgroup(k, cgroup);
    cgroup.destroy();
  } else if (cgroup.pids().length === 0) removeEmpty(cgroup);
}

/** Removes a cgroup that may belong to another program, as far as it can be removed. */
function removeEmpty(cgroup: CgroupDriver): void {
  try {
    cgroup.destroy();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
  }
}

/**
 * Removes a container whose record cannot be read. Its id is known, and its config where that is there.
 *
 * A create refuses a cgroup that is in use, so processes in the config's cgroup are the container's own.
 *
 * @param systemd Whether `--systemd-cgroup` is given now. It is expected to be the same as at create.
 */
export async function destroyUnreadable(
  k: LocalKernel,
  root: string,
  id: string,
  systemd: boolean,
): Promise<void> {
  try {
    const config = readConfig(`${containerDir(root, id)}/config.json`);
    if (config === undefined) return;
    const { planCgroup } = await loadDriver();
    const cgroup = await planCgroup(() => k, {
      id,
      cgroupsPath: config.linux?.cgroupsPath,
      systemd,
      rootless: !callerIsRoot(),
    });
    emptyCgroup(k, cgroup);
    cgroup.destroy();
    const rdt = config.linux?.intelRdt;
    if (rdt) (await loadResctrlCleanup()).removeUnrecordedGroup(rdt, id);
  } finally {
    // A cgroup that cannot be removed is reported. That is no reason to keep an unreadable record.
    removeStateDir(root, id);
  }
}

/** The config that was saved at create; undefined when it is missing or unreadable. */
function readConfig(path: string): { linux?: Pick<Linux, "cgroupsPath" | "intelRdt"> } | undefined {
  try {
    const config = JSON.parse(readSmallFile(path, RECORD_MAX));
    return typeof config === "object" && config !== null ? config : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Kills the init and waits until it is gone or a zombie. All processes of its own PID namespace end with it.
 */
function killInit(k: LocalKernel, state: ContainerState, cgroup: CgroupDriver | null): void {
  if (!initAlive(state)) return;
  sendSignal(k, state.pid, state.startTime, SIGKILL);
  // On cgroup v1 a frozen process gets its signal only after it is thawed.
  if (cgroup !== null) thawFrozen(cgroup);
  if (!waitForEnd(cgroup, () => !initAlive(state))) {
    throw new RuntimeError("EBUSY_PROCESSES", "container init still running");
  }
}

/**
 * Kills every process of a cgroup and waits until there is none.
 *
 * @throws {RuntimeError} when processes survive, which happens only to those that are stuck in the kernel.
 */
export function emptyCgroup(k: LocalKernel, cgroup: CgroupDriver): void {
  if (cgroup.pids().length === 0) return;
  killCgroup(k, cgroup);
  const empty = waitForEnd(cgroup, () => {
    const left = cgroup.pids();
    for (const pid of left) killPid(k, pid, SIGKILL);
    return left.length === 0;
  });
  if (!empty) {
    throw new RuntimeError(
      "EBUSY_PROCESSES",
      `processes ${cgroup.pids().join(", ")} of the container are still running after SIGKILL`,
    );
  }
}

/** Kills every process of a cgroup. */
export function killCgroup(k: LocalKernel, cgroup: CgroupDriver): void {
  if (!cgroup.kill?.()) signalCgroup(k, cgroup, SIGKILL);
}

/**
 * Signals every process of a cgroup. All are frozen meanwhile, so none can fork and escape. A cgroup that was
 * frozen before stays frozen, and its processes get the signal when they go on; with SIGKILL it is thawed.
 */
export function signalCgroup(k: LocalKernel, cgroup: CgroupDriver, signal: number): void {
  const paused = cgroup.frozen();
  if (!paused) freezeIfPossible(cgroup);
  try {
    for (const pid of cgroup.pids()) killPid(k, pid, signal);
  } finally {
    if (signal === SIGKILL) cgroup.thawKilled();
    else if (!paused) thawFrozen(cgroup);
  }
}

/**
 * A cgroup that cannot be frozen can still be signalled, though a new process may be missed. Callers that
 * kill look again.
 */
function freezeIfPossible(cgroup: CgroupDriver): void {
  try {
    cgroup.freeze(FREEZE_TIMEOUT);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
  }
}

function thawFrozen(cgroup: CgroupDriver): void {
  if (cgroup.frozen()) cgroup.thaw();
}

/**
 * Waits for killed processes. Those that do not end at once may be frozen in a cgroup below, or be many with
 * a small share of a CPU, which would take longer than the timeout.
 *
 * @returns Whether all ended.
 */
function waitForEnd(cgroup: CgroupDriver | null, done: () => boolean): boolean {
  if (waitFor(done, PROMPT_END)) return true;
  cgroup?.hasten();
  return waitFor(done, KILL_TIMEOUT - PROMPT_END);
}

/** Asks repeatedly, at first often. @returns Whether the answer became true in time. */
function waitFor(done: () => boolean, timeout: number): boolean {
  const deadline = performance.now() + timeout;
  for (let pause = 0.2; !done(); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) return false;
    sleepSync(pause);
  }
  return true;
}
