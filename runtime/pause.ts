/**
 * `pause` and `resume`: stopping all processes of a container and letting them go on.
 *
 * Whether a container is paused is kept by the kernel alone.
 * @module
 */
import { openCgroup } from "./cgroups/driver.ts";
import { RuntimeError } from "./errors.ts";
import { type ContainerState, readState, statusOf } from "./state.ts";

/** Stops all processes. @throws {RuntimeError} `container not running`, `unable to freeze` */
export function pauseContainer(root: string, id: string): void {
  const state = readState(root, id);
  const status = statusOf(root, state);
  if (status !== "running" && status !== "created") throw new RuntimeError("container not running");
  cgroupOf(state).freeze();
}

/** Lets all processes go on. @throws {RuntimeError} `container not paused` */
export function resumeContainer(root: string, id: string): void {
  const state = readState(root, id);
  if (statusOf(root, state) !== "paused") throw new RuntimeError("container not paused");
  cgroupOf(state).thaw();
}

function cgroupOf({ cgroup }: ContainerState) {
  if (cgroup === null) throw new RuntimeError("cannot toggle freezer: cgroups not configured for container");
  return openCgroup(cgroup);
}
