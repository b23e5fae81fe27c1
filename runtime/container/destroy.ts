/**
 * The end of a container, from whatever point its life stopped at: a finished one, one whose tsrun was killed
 * in the middle of create, one that must go by force. Every step is fine with having been done before.
 * @module
 */
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
import { sleepSync } from "../host/sleep.ts";
import { containerDir } from "./id.ts";
import type { ContainerState } from "./record.ts";
import { initAlive } from "./status.ts";
import { removeStateDir } from "./state_dir.ts";
import { mark } from "../host/trace.ts";
import { callerIsRoot } from "../host/caller.ts";

const SIGKILL = 9;

/** How long the kernel may take to end killed processes, in milliseconds: runc waits as long. */
const KILL_TIMEOUT = 10_000;
/** Milliseconds in which killed processes usually end. */
const PROMPT_END = 100;
/** How long processes may take to stop before they are signalled one by one, in milliseconds. */
const FREEZE_TIMEOUT = 1000;

/**
 * Kills what is left of a container, removes all that belongs to it (processes, cgroups, state directory), and then
 * runs its poststop hooks. This is the one way in which a container ends: `delete`, the end of a `run`, a create and a
 * start that failed all come here.
 *
 * A poststop hook that fails is logged as a warning, and the next one runs, as in runc (runtime-spec runtime.md,
 * Lifecycle, step 13).
 *
 * @param root State root.
 * @param state The container's record; a pid of 0 and a cgroup of null mean that it never got that far.
 * @param log Takes the warnings.
 * @throws {RuntimeError} `container init still running`, or what could not be removed; no hook has run then, and
 * calling it again goes on.
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
  for (const failure of runPoststop(k, hooks, state)) log.warn(failure);
}

/** The poststop hooks of the config as it was at create. A container whose config is lost goes without. */
function poststopHooks(root: string, id: string, log: Log): readonly Hook[] {
  try {
    const text = Deno.readTextFileSync(`${containerDir(root, id)}/config.json`);
    // Most configs have none: those are not parsed for it.
    return text.includes('"poststop"') ? (JSON.parse(text) as Spec).hooks?.poststop ?? [] : [];
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) log.warn(`poststop hooks: ${reasonOf(error)}`);
    return [];
  }
}

/** Removes everything but what hooks may have made. */
async function removeAll(k: LocalKernel, root: string, state: ContainerState): Promise<void> {
  const cgroup = state.cgroup === null ? null : await openCgroup(() => k, state.cgroup);
  killInit(k, state, cgroup);
  mark("init gone");
  if (cgroup !== null) {
    removeCgroup(k, cgroup, state.cgroupClaimed);
    mark("cgroup removed");
  }
  if (state.resctrl) (await loadResctrl()).removeResctrl(state.resctrl);
  if (state.rootMount !== undefined) {
    (await import("./root_mount.ts")).detachRoot(k, state.rootfs, state.rootMount);
  }
  removeStateDir(root, state.id);
  mark("state removed");
}

/**
 * Removes a container's cgroup. One that was recorded and not yet claimed holds no process of the container: what is in
 * it belongs to somebody else, and only directories that are empty go.
 */
function removeCgroup(k: LocalKernel, cgroup: CgroupDriver, claimed: boolean): void {
  if (claimed) emptyCgroup(k, cgroup);
  else if (cgroup.pids().length > 0) return;
  cgroup.destroy();
}

/**
 * Removes a container whose record cannot be read: what is known is its id, and its config where that is there.
 *
 * A create refuses a cgroup that is in use, so what is in the config's cgroup is the container's own.
 *
 * @param systemd Whether `--systemd-cgroup` is given now, as it was at create.
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
    // A cgroup that cannot be removed is reported, and is no reason to keep a record that nobody can read.
    removeStateDir(root, id);
  }
}

/** The config that was saved at create; undefined when there is none or it cannot be read either. */
function readConfig(path: string): { linux?: Pick<Linux, "cgroupsPath" | "intelRdt"> } | undefined {
  try {
    const config = JSON.parse(Deno.readTextFileSync(path));
    return typeof config === "object" && config !== null ? config : undefined;
  } catch {
    return undefined;
  }
}

/** Ends the init and waits until it is gone or a zombie; with it ends all of a PID namespace of its own. */
function killInit(k: LocalKernel, state: ContainerState, cgroup: CgroupDriver | null): void {
  if (!initAlive(state)) return;
  sendSignal(k, state.pid, state.startTime, SIGKILL);
  // On cgroup v1 a frozen process takes its signal only when it is thawed.
  if (cgroup !== null) thawFrozen(cgroup);
  if (!waitForEnd(cgroup, () => !initAlive(state))) throw new RuntimeError("container init still running");
}

/**
 * Kills every process of a cgroup and waits until there is none.
 *
 * @throws {RuntimeError} when processes survive, which only ones stuck in the kernel do.
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
      `processes ${cgroup.pids().join(", ")} of the container are still running after SIGKILL`,
    );
  }
}

/** Kills every process of a cgroup. */
export function killCgroup(k: LocalKernel, cgroup: CgroupDriver): void {
  if (!cgroup.kill?.()) signalCgroup(k, cgroup, SIGKILL);
}

/**
 * Signals every process of a cgroup, none of which can fork its way out, as all are stopped meanwhile. A cgroup that was
 * stopped before stays so, and its processes get the signal when they go on; unless it is SIGKILL.
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

/** A cgroup that cannot be frozen can still be signalled, only less surely: who kills looks again. */
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
 * Waits for killed processes. What does not end at once may be frozen in a cgroup below, or many with a small share of a
 * CPU, which would take them longer than we wait.
 *
 * @returns Whether all ended.
 */
function waitForEnd(cgroup: CgroupDriver | null, done: () => boolean): boolean {
  if (waitFor(done, PROMPT_END)) return true;
  cgroup?.hasten();
  return waitFor(done, KILL_TIMEOUT - PROMPT_END);
}

/** Asks again and again, at first often. @returns Whether the answer became true in time. */
function waitFor(done: () => boolean, timeout: number): boolean {
  const deadline = performance.now() + timeout;
  for (let pause = 0.2; !done(); pause = Math.min(pause * 2, 50)) {
    if (performance.now() > deadline) return false;
    sleepSync(pause);
  }
  return true;
}
