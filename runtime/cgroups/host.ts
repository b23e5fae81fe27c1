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
  /** The runtime's own cgroups by controller; read when first asked for, which is rare. */
  own(): ReadonlyMap<string, string>;
}

/**
 * Looks at this host.
 *
 * @param mountinfo Text of /proc/self/mountinfo, for callers that have read it already.
 */
export function readCgroupHost(mountinfo?: string): CgroupHost {
  let own: Map<string, string> | undefined;
  return {
    fs: new HostCgroupFs(),
    mounts: parseCgroupMounts(mountinfo ?? Deno.readTextFileSync("/proc/self/mountinfo")),
    own: () => own ??= parseProcCgroup(Deno.readTextFileSync("/proc/self/cgroup")),
  };
}
