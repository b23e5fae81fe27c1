/**
 * Calls that `explain` leaves out.
 * @module
 */

import type { DryCall } from "../../host/dry/dry_run.ts";

/** Calls of tsrun that only keep its processes, its memory and the lines between them going. */
const PLUMBING: ReadonlySet<string> = new Set([
  ...["sendto", "recvfrom", "ppoll", "socketpair", "memfd_create", "ftruncate", "mmap", "munmap", "fcntl"],
  ...["close", "read", "waitid", "wait4", "capget", "prctl", "pipe2", "rt_sigaction", "getpid"],
  "statmount",
]);

/** Calls that only ask the host, before anything is done. */
const ASKS = /^(?:realpath|stat|lstat|readlink|getdents64|fstatfs|readlinkat)\(|\/proc\/(?:self|\d+)\//;

/** Whether a call is about how tsrun works, or only asks something of the host. */
export function isPlumbing({ process, name, call }: Pick<DryCall, "process" | "name" | "call">): boolean {
  // Of the init too: how it ends before it is started (init/ending_signals.ts) leaves nothing in a container.
  if (name === "rt_sigaction" || name === "lseek") return true;
  if (process !== "tsrun" || name === "posix_spawn") return false;
  // What changes network devices is no plumbing; other requests only ask.
  if (name === "sendto" && call.includes("{RTM_NEW")) return false;
  if (PLUMBING.has(name) && !call.startsWith("openat")) return true;
  // Compiled filters are kept for the next container with the same.
  if (/"\/run\/tsrun-cache|\.bpf/.test(call)) return true;
  // An executor's image, the bundle's config, the mounts and cgroups of the host, the state of a process.
  return /^write\(\d+, \[\d+ bytes\]/.test(call) || /^openat\(.*O_PATH/.test(call) || name === "statx" ||
    (ASKS.test(call) && !/O_WRONLY/.test(call));
}
