/**
 * Facts about the cgroups of this host.
 * @module
 */
import { HostCgroupFs } from "./host_fs.ts";
import { parseCgroupMounts, parseProcCgroup } from "./path.ts";
import type { CgroupHost } from "./types.ts";
import { readText } from "../host/files.ts";

/**
 * Reads the facts.
 *
 * @param mountinfo Text of /proc/self/mountinfo, where the caller has read it already.
 */
export function readCgroupHost(mountinfo?: string): CgroupHost {
  let own: Map<string, string> | undefined;
  return {
    fs: new HostCgroupFs(),
    mounts: parseCgroupMounts(mountinfo ?? readText("/proc/self/mountinfo")),
    own: () => own ??= parseProcCgroup(readText("/proc/self/cgroup")),
  };
}
