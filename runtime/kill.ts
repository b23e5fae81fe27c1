/**
 * `kill`: which processes of a container a signal goes to.
 * @module
 */
import { type CgroupDriver, openCgroup } from "./cgroups/driver.ts";
import { killCgroup } from "./delete.ts";
import { RuntimeError } from "./errors.ts";
import { killPid, sendSignal } from "./signal.ts";
import { type ContainerState, initAlive } from "./state.ts";

const SIGKILL = 9;

/**
 * Sends a signal to a container.
 *
 * To its init only, with two exceptions: `all` means every process of its cgroup, and SIGKILL means that too for
 * a container without a PID namespace of its own, whose processes would outlive their init.
 *
 * @param state The container's record.
 * @param signal 0 to 64; 0 only asks whether it runs.
 * @param all Every process, and no error when there is none any more.
 * @throws {RuntimeError} `container not running`
 */
export function killContainer(state: ContainerState, signal: number, all: boolean): void {
  const alive = initAlive(state);
  if (!alive && !all) throw new RuntimeError("container not running");
  const cgroup = state.cgroup === null ? undefined : openCgroup(state.cgroup);
  if (cgroup !== undefined && (all || (signal === SIGKILL && !state.pidNamespace))) {
    return signalAll(cgroup, signal);
  }
  if (!sendSignal(state.pid, state.startTime, signal) && !all) {
    throw new RuntimeError("container not running");
  }
  // On cgroup v1 a frozen process takes even SIGKILL only when it is thawed.
  if (signal === SIGKILL && cgroup?.frozen()) cgroup.thaw();
}

function signalAll(cgroup: CgroupDriver, signal: number): void {
  if (signal === SIGKILL) return killCgroup(cgroup);
  for (const pid of cgroup.pids()) killPid(pid, signal);
}
