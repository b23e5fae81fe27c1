/**
 * `ps`: the processes of a container.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { openCgroup } from "../cgroups/mod.ts";
import type { ContainerState } from "./record.ts";
import { initAlive } from "./status.ts";

/**
 * Pids of a container's processes as the host sees them, sorted: those of its cgroup or, where a rootless
 * container has none, those of its PID namespace.
 *
 * @param kernel Called when the cgroup driver has a system call to make.
 * @throws {RuntimeError} For a container without either.
 */
export async function containerPids(kernel: () => LocalKernel, state: ContainerState): Promise<number[]> {
  const { cgroup } = state;
  if (cgroup === null) {
    throw new RuntimeError("ENOENT_CGROUP", "cannot list the processes of a container without a cgroup");
  }
  if (Object.keys(cgroup.paths).length > 0) return (await openCgroup(kernel, cgroup)).pids();
  if (!state.pidNamespace) {
    throw new RuntimeError(
      "ENOENT_CGROUP",
      "cannot list the processes of a container without a cgroup and a PID namespace",
    );
  }
  if (!initAlive(state)) return [];
  return (await import("../host/pid_namespace.ts")).processesInNamespaceOf(state.pid);
}
