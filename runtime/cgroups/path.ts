/**
 * The place of a container's cgroups: facts of /proc about the hierarchies, and the rules of
 * `linux.cgroupsPath`.
 *
 * Sources: runtime-spec config-linux.md "Cgroups Path", cgroups(7), proc_pid_mountinfo(5).
 * @module
 */

import { cleanPath } from "../../spec/clean_path.ts";
/** The usual mount point of cgroups. */
export const CGROUP_ROOT = "/sys/fs/cgroup";
/** Name under which the cgroup v2 hierarchy is kept beside v1 controllers. */
export const UNIFIED = "unified";
/** systemd's own v1 hierarchy, which has no controller. */
export const SYSTEMD = "name=systemd";

/** The hierarchies in which a container gets a directory where they are mounted, in the order of making. */
export const HIERARCHIES: readonly string[] = [
  "devices",
  "freezer",
  "cpuset",
  "memory",
  "cpu",
  "cpuacct",
  "pids",
  "blkio",
  "hugetlb",
  "net_cls",
  "net_prio",
  "perf_event",
  "rdma",
  "misc",
  SYSTEMD,
  UNIFIED,
];

/** One mounted hierarchy. */
export interface CgroupMount {
  /** cgroup v1 or v2. */
  version: 1 | 2;
  /** v1: its controllers, or `name=…`, in the order of the mount's options; v2: `unified`. */
  controllers: string[];
  /** Absolute directory of the mount. */
  mountpoint: string;
  /**
   * Directory of the hierarchy that the mount shows. It is `/`, except in a container without a cgroup
   * namespace.
   */
  root: string;
}

/**
 * The cgroups of a process by controller, from the text of /proc/PID/cgroup. The v2 hierarchy is `unified`.
 * Lines that are not `number:controllers:path` are skipped.
 */
export function parseProcCgroup(text: string): Map<string, string> {
  const own = new Map<string, string>();
  for (const line of text.split("\n")) {
    const first = line.indexOf(":"), second = line.indexOf(":", first + 1);
    if (first < 0 || second < 0) continue;
    const names = line.slice(first + 1, second);
    const path = line.slice(second + 1);
    for (const name of names === "" ? [UNIFIED] : names.split(",")) own.set(name, path);
  }
  return own;
}

/**
 * The mounted cgroup hierarchies, from the text of /proc/PID/mountinfo. Those that a later mount on
 * /sys/fs/cgroup covers are left out.
 */
export function parseCgroupMounts(mountinfo: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  const top = mountinfo.lastIndexOf(` ${CGROUP_ROOT} `);
  // id parent major:minor root mountpoint options [optional…] - type source super-options
  for (let at = mountinfo.indexOf(" - cgroup"); at >= 0; at = mountinfo.indexOf(" - cgroup", at + 1)) {
    const start = mountinfo.lastIndexOf("\n", at) + 1;
    const fields = mountinfo.slice(start, at).split(" ");
    const end = mountinfo.indexOf("\n", at);
    const [type, , options = ""] = mountinfo.slice(at + 3, end < 0 ? undefined : end).split(" ");
    const version = type === "cgroup" ? 1 : type === "cgroup2" ? 2 : 0;
    if (version === 0 || fields.length < 5) continue;
    const buried = at < top && (fields[4] === CGROUP_ROOT || fields[4].startsWith(`${CGROUP_ROOT}/`));
    if (buried) continue;
    const controllers = version === 2 ? [UNIFIED] : controllersIn(options);
    if (controllers.length === 0) continue;
    mounts.push({ version, controllers, mountpoint: unescape(fields[4]), root: unescape(fields[3]) });
  }
  return mounts;
}

/** The controllers, or the name of a hierarchy without any, among a v1 mount's options. */
function controllersIn(options: string): string[] {
  const found: string[] = [];
  for (const option of options.split(",")) {
    if (option.startsWith("name=") || HIERARCHIES.includes(option)) found.push(option);
  }
  return found;
}

/** The mount to use for each controller. As in runc, one below /sys/fs/cgroup comes before any other. */
export function mountsByController(mounts: readonly CgroupMount[]): Record<string, CgroupMount> {
  const chosen: Record<string, CgroupMount> = {};
  for (const mount of mounts) {
    const preferred = isBelowRoot(mount);
    for (const name of mount.controllers) {
      const other = chosen[name];
      if (other === undefined || preferred && !isBelowRoot(other)) {
        chosen[name] = mount;
      }
    }
  }
  return chosen;
}

function isBelowRoot({ mountpoint }: CgroupMount): boolean {
  return mountpoint === CGROUP_ROOT || mountpoint.startsWith(`${CGROUP_ROOT}/`);
}

/** Whether cgroup v2 sets a host's limits: it is mounted on /sys/fs/cgroup, or nothing else is mounted. */
export function isUnified(mounts: readonly CgroupMount[]): boolean {
  return mounts.some(({ version, mountpoint }) => version === 2 && mountpoint === CGROUP_ROOT) ||
    !mounts.some(({ version }) => version === 1);
}

/**
 * The directory of a process's cgroup, from its path in the hierarchy; the mount point where the mount does
 * not show it.
 */
export function ownDirectory(mount: CgroupMount, own: string): string {
  const root = mount.root === "/" ? "" : mount.root;
  const below = own.startsWith(root + "/") ? cleanPath(own.slice(root.length)) : "/";
  return below === "/" ? mount.mountpoint : mount.mountpoint + below;
}

/** Undoes mountinfo's octal escapes of blank, tab, newline and backslash. */
function unescape(field: string): string {
  if (!field.includes("\\")) return field;
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
