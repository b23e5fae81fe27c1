/**
 * The CPUs that a process may run on: sched_setaffinity(2), cpuset(7).
 * @module
 */

import type { Kernel } from "../ffi/kernel.ts";

/** Bytes of a mask of 8192 CPUs, which is more than any kernel is built for. */
const ALL_CPUS = 1024;

/**
 * Lets the kernel's process run on all CPUs of its cgroup, even if the caller was bound to some. The kernel
 * ignores CPUs that do not exist.
 */
export function resetAffinity(k: Kernel): void {
  // A process without this right keeps the CPUs that it has.
  k.call("sched_setaffinity", [0, ALL_CPUS, new Uint8Array(ALL_CPUS).fill(0xff)], { allow: "any" });
}
