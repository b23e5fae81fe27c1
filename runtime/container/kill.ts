/**
 * `kill`: chooses the processes of a container that get a signal.
 * @module
 */
import { SIGKILL } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { type CgroupRecord, mayHoldKilled, openCgroup } from "../cgroups/mod.ts";
import { sendSignal } from "../host/signal.ts";
import type { ContainerState } from "./record.ts";
import { initAlive, waitsForStart } from "./status.ts";
import { isDirectory } from "../host/files.ts";

/** Signals that end no process by default (signal(7)): CHLD CONT STOP TSTP TTIN TTOU URG WINCH. */
const HARMLESS: readonly number[] = [17, 18, 19, 20, 21, 22, 23, 28];

/**
 * The signal that has the effect on a container that `signal` has on an ordinary process.
 *
 * An init that waits for `start` ends by such signals itself (init/ending_signals.ts), but not while it is
 * frozen, nor where an older tsrun has made it. So SIGKILL takes the place of all of them.
 */
export function effectiveSignal(root: string, state: ContainerState, signal: number): number {
  if (signal === 0 || !state.pidNamespace || HARMLESS.includes(signal)) return signal;
  return waitsForStart(root, state) ? SIGKILL : signal;
}

/**
 * Sends a signal to a container.
 *
 * To its init only, with two exceptions: `all` means every process of its cgroup, and SIGKILL means that too
 * for a container without a PID namespace of its own, whose processes would outlive their init, and may have
 * done so.
 *
 * @param state The container's record.
 * @param signal 0 to 64. 0 only asks whether the container runs.
 * @param all Every process. It is no error then when there is none.
 * @throws {RuntimeError} `container not running`
 */
export async function killContainer(
  k: LocalKernel,
  state: ContainerState,
  signal: number,
  all: boolean,
): Promise<void> {
  const whole = state.cgroup !== null && (all || (signal === SIGKILL && !state.pidNamespace));
  // Without a PID namespace what the init has left behind goes on when it is dead.
  if (!all && !initAlive(state) && !(whole && isThere(state.cgroup!))) {
    throw new RuntimeError("ESRCH_CONTAINER", "container not running");
  }
  if (whole) return await signalAll(k, state, state.cgroup!, signal);
  if (!sendSignal(k, state.pid, state.startTime, signal) && !all) {
    throw new RuntimeError("ESRCH_CONTAINER", "container not running");
  }
  if (signal === SIGKILL && mayHoldKilled(state.cgroup)) await thaw(k, state.cgroup!);
}

/** Whether a cgroup is still there, on any hierarchy. */
function isThere({ paths }: CgroupRecord): boolean {
  return Object.values(paths).some(isDirectory);
}

/**
 * Signals every process of the cgroup, and the init even where it has been moved elsewhere.
 *
 * The cgroup driver is loaded only where a signal needs it, because that takes longer than the signal.
 */
async function signalAll(
  k: LocalKernel,
  state: ContainerState,
  cgroup: CgroupRecord,
  signal: number,
): Promise<void> {
  const { killCgroup, signalCgroup } = await import("./destroy.ts");
  const driver = await openCgroup(() => k, cgroup);
  const pids = driver.pids();
  if (signal === SIGKILL) killCgroup(k, driver);
  else if (signal !== 0) signalCgroup(k, driver, signal);
  if (!pids.includes(state.pid)) sendSignal(k, state.pid, state.startTime, signal);
}

/**
 * On cgroup v1 even SIGKILL reaches a frozen process only after it is thawed. A frozen process in a cgroup
 * below delays the end of its init.
 */
async function thaw(k: LocalKernel, cgroup: CgroupRecord): Promise<void> {
  (await openCgroup(() => k, cgroup)).thawKilled();
}
