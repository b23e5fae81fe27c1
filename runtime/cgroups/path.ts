/**
 * Where a container's cgroups are: what /proc says about the hierarchies, and the rules of `linux.cgroupsPath`.
 *
 * Sources: runtime-spec config-linux.md "Cgroups Path", cgroups(7), proc_pid_mountinfo(5).
 * @module
 */
import { normalize } from "@std/path/posix";

/** Name under which the cgroup v2 hierarchy is kept beside v1 controllers. */
export const UNIFIED = "unified";

/** One mounted hierarchy. */
export interface CgroupMount {
  /** cgroup v1 or v2. */
  version: 1 | 2;
  /** v1: its controllers, or `name=…`, in the order of the mount's options; v2: `unified`. */
  controllers: string[];
  /** Absolute directory of the mount. */
  mountpoint: string;
  /** Directory of the hierarchy that the mount shows; `/` unless this is a container without a cgroup namespace. */
  root: string;
}

/**
 * Makes a path safe to put below a mount point: `..` and `.` are resolved as if the path's start were the root.
 * An absolute path stays absolute and a relative one relative; `""` stays `""`.
 *
 * @example
 * ```ts
 * import { cleanPath } from "./path.ts";
 * console.assert(cleanPath("../../etc/./x/") === "etc/x");
 * console.assert(cleanPath("/../docker//abc") === "/docker/abc");
 * ```
 */
export function cleanPath(path: string): string {
  if (path === "") return "";
  const rooted = trimSlash(normalize("/" + path));
  return path.startsWith("/") ? rooted : rooted.slice(1);
}

/**
 * The cgroups of a process by controller, from the text of /proc/PID/cgroup; the v2 hierarchy is `unified`.
 * Lines that are not `number:controllers:path` are passed over.
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
 * The mounted cgroup hierarchies, from the text of /proc/PID/mountinfo.
 *
 * @param known Names of /proc/PID/cgroup: tells controllers from a mount's other options.
 */
export function parseCgroupMounts(mountinfo: string, known: ReadonlyMap<string, string>): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of mountinfo.split("\n")) {
    // id parent major:minor root mountpoint options [optional…] - type source super-options
    const separator = line.indexOf(" - cgroup");
    if (separator < 0) continue;
    const [type, , options = ""] = line.slice(separator + 3).split(" ");
    const [, , , root, mountpoint] = line.slice(0, separator).split(" ");
    const version = type === "cgroup" ? 1 : type === "cgroup2" ? 2 : 0;
    if (version === 0 || root === undefined || mountpoint === undefined) continue;
    const controllers = version === 2 ? [UNIFIED] : options.split(",").filter((name) => known.has(name));
    if (controllers.length === 0) continue;
    mounts.push({ version, controllers, mountpoint: unescape(mountpoint), root: unescape(root) });
  }
  return mounts;
}

/**
 * The mount to use for a controller: one below /sys/fs/cgroup before any other place, as runc prefers it too.
 */
export function findMount(mounts: readonly CgroupMount[], controller: string): CgroupMount | undefined {
  const all = mounts.filter((mount) => mount.controllers.includes(controller));
  return all.find((mount) => mount.mountpoint.startsWith("/sys/fs/cgroup/")) ?? all[0];
}

/**
 * The directory of a container's cgroup in one hierarchy.
 *
 * @param inner Cleaned `cgroupsPath`, or the container's id: absolute means below the mount point, relative means
 * below the runtime's own cgroup, which a container without a cgroup namespace can reach when the host's root is not shown.
 * @param own The runtime's own cgroup, from /proc/self/cgroup.
 */
export function cgroupDirectory(mount: CgroupMount, own: string, inner: string): string {
  const base = inner.startsWith("/") ? mount.mountpoint : ownDirectory(mount, own);
  return trimSlash(normalize(`${base}/${inner}`));
}

/** The directory of a process's cgroup, given its path in the hierarchy; the mount point where the mount does not show it. */
export function ownDirectory(mount: CgroupMount, own: string): string {
  const root = mount.root === "/" ? "" : mount.root;
  const below = own === root ? "" : own.startsWith(root + "/") ? own.slice(root.length) : "";
  return trimSlash(normalize(mount.mountpoint + "/" + cleanPath(below)));
}

function trimSlash(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** Undoes mountinfo's octal escapes of blank, tab, newline and backslash. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}
