/**
 * What this host offers in cgroups.
 * @module
 */
import { HostCgroupFs } from "./host_fs.ts";
import { parseCgroupMounts, parseProcCgroup } from "./path.ts";
import type { CgroupHost } from "./types.ts";

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
