/**
 * `kill`: which processes of a container a signal goes to.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { type CgroupRecord, mayHoldKilled, openCgroup } from "../cgroups/mod.ts";
import { sendSignal } from "../host/signal.ts";
import type { ContainerState } from "./record.ts";
import { initAlive } from "./status.ts";

const SIGKILL = 9;

/**
 * Sends a signal to a container.
 *
 * To its init only, with two exceptions: `all` means every process of its cgroup, and SIGKILL means that too for
 * a container without a PID namespace of its own, whose processes would outlive their init, and may have done so.
 *
 * @param state The container's record.
 * @param signal 0 to 64; 0 only asks whether it runs.
 * @param all Every process, and no error when there is none any more.
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
    throw new RuntimeError("container not running");
  }
  if (whole) return await signalAll(k, state, state.cgroup!, signal);
  if (!sendSignal(k, state.pid, state.startTime, signal) && !all) {
    throw new RuntimeError("container not running");
  }
  if (signal === SIGKILL && mayHoldKilled(state.cgroup)) await thaw(k, state.cgroup!);
}

/** Whether a cgroup is still there, on any hierarchy. */
function isThere({ paths }: CgroupRecord): boolean {
  return Object.values(paths).some((path) => {
    try {
      return Deno.statSync(path).isDirectory;
    } catch {
      return false;
    }
  });
}

/**
 * Signals every process of the cgroup, and the init even if somebody has moved it elsewhere.
 *
 * The cgroup driver is loaded only where a signal needs it: that takes longer than the signal.
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

/** On cgroup v1 a frozen process takes even SIGKILL only when it is thawed; one in a cgroup below holds up its init's end. */
async function thaw(k: LocalKernel, cgroup: CgroupRecord): Promise<void> {
  (await openCgroup(() => k, cgroup)).thawKilled();
}
