/**
 * The processes of a container that has no cgroup, as a user's may not have one: those of its PID namespace.
 * @module
 */

import { RuntimeError } from "../../ffi/errors.ts";
import type { ContainerState } from "../container/record.ts";
import { initAlive } from "../container/status.ts";

/**
 * Pids on the host of all processes in a container's PID namespace, sorted; none when it has ended.
 *
 * A process in a namespace below it, such as a container in the container, is none of them, and neither is one that
 * the caller may not look at.
 *
 * @throws {RuntimeError} For a container without a PID namespace of its own.
 */
export function processesOf(state: ContainerState): number[] {
  if (!state.pidNamespace) {
    throw new RuntimeError("cannot list the processes of a container without a cgroup and a PID namespace");
  }
  if (!initAlive(state)) return [];
  const namespace = namespaceOf(state.pid);
  // An init that waits for `start` shows itself to root of the host only; it is alone then.
  if (namespace === undefined) return [state.pid];
  return [...Deno.readDirSync("/proc")]
    .map(({ name }) => Number(name))
    .filter((pid) => pid > 0 && namespaceOf(pid) === namespace)
    .sort((a, b) => a - b);
}

/** The namespace's name; undefined for a process that has ended, or is hidden from this one. */
function namespaceOf(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
