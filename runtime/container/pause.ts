/**
 * `pause` and `resume`: stopping all processes of a container and letting them go on.
 *
 * Whether a container is paused is kept by the kernel alone.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import { type CgroupDriver, openCgroup } from "../cgroups/mod.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { type ContainerState, readState } from "./record.ts";
import { statusOf } from "./status.ts";

/** Stops all processes. @throws {RuntimeError} `container not running`, `unable to freeze` */
export async function pauseContainer(kernel: () => LocalKernel, root: string, id: string): Promise<void> {
  const state = readState(root, id);
  const status = statusOf(root, state);
  if (status !== "running" && status !== "created") {
    throw new RuntimeError("ESRCH_CONTAINER", "container not running");
  }
  (await cgroupOf(kernel, state)).freeze();
}

/** Lets all processes go on. @throws {RuntimeError} `container not paused` */
export async function resumeContainer(kernel: () => LocalKernel, root: string, id: string): Promise<void> {
  const state = readState(root, id);
  if (statusOf(root, state) !== "paused") throw new RuntimeError("EINVAL_NOT_PAUSED", "container not paused");
  (await cgroupOf(kernel, state)).thaw();
}

async function cgroupOf(kernel: () => LocalKernel, { cgroup }: ContainerState): Promise<CgroupDriver> {
  if (cgroup === null) {
    throw new RuntimeError("ENOENT_CGROUP", "cannot toggle freezer: cgroups not configured for container");
  }
  return await openCgroup(kernel, cgroup);
}
