/**
 * Running without root's rights on the host.
 * @module
 */

import { callerIsRoot, callerVariable } from "./caller.ts";

/** Whether cgroups may be out of reach, and containers do without where they can: `--rootless`. */
export function isRootless(flag: "auto" | "true" | "false"): boolean {
  if (flag !== "auto") return flag === "true";
  // Root of a user namespace is a user whose session has this directory; for root of the host nothing is read.
  return !callerIsRoot() || callerVariable("XDG_RUNTIME_DIR") !== undefined && inUserNamespace();
}

/** Whether this process is in another user namespace than the first, which maps every id onto itself: user_namespaces(7). */
export function inUserNamespace(): boolean {
  const [inside, outside, length] = Deno.readTextFileSync("/proc/self/uid_map").trim().split(/\s+/).map(
    Number,
  );
  return !(inside === 0 && outside === 0 && length === 4294967295);
}

/**
 * What to do about a failed create, where the reason is that a user may not make cgroups: in runc's words first.
 *
 * @param message Why it failed.
 */
export function adviseOnCgroups(message: string): string {
  const denied =
    /could not join or create cgroup|(?:cgroup|\/sys\/fs).*(?:permission denied|read-only file system)/;
  if (!denied.test(message)) return message;
  return `rootless needs no limits + no cgrouppath when no permission is granted for cgroups: ${message}; ` +
    "leave linux.cgroupsPath and the limits out, or have cgroups delegated to your user: " +
    "by systemd, with --systemd-cgroup, on a host of cgroup v2";
}
