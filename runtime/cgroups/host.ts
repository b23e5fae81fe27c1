/**
 * What this host offers in cgroups.
 * @module
 */
import type { CgroupFs } from "./fs.ts";
import { HostCgroupFs } from "./host_fs.ts";
import { type CgroupMount, parseCgroupMounts, parseProcCgroup } from "./path.ts";

/** The hierarchies, where this process is in them, and the way to their files. */
export interface CgroupHost {
  fs: CgroupFs;
  mounts: CgroupMount[];
  /** The runtime's own cgroups by controller. */
  own: Map<string, string>;
}

/**
 * Looks at this host once.
 *
 * @param mountinfo Text of /proc/self/mountinfo, for callers that have read it already.
 */
export function readCgroupHost(mountinfo?: string): CgroupHost {
  const own = parseProcCgroup(Deno.readTextFileSync("/proc/self/cgroup"));
  const mounts = parseCgroupMounts(mountinfo ?? Deno.readTextFileSync("/proc/self/mountinfo"), own);
  return { fs: new HostCgroupFs(), mounts, own };
}
