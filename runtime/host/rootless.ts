/**
 * Facts about running without root's rights on the host.
 * @module
 */

import { callerIsRoot, callerVariable } from "./caller.ts";

/**
 * Whether cgroups may be out of reach, so that containers do without them where they can: `--rootless`.
 *
 * Root of a user namespace may be a user of the host, or root of a system container. Cgroups by files are
 * made by both where they may be made. systemd is asked over the bus of a user's session by the first only,
 * who has the directory of such a session.
 */
export function isRootless(flag: "auto" | "true" | "false", systemd: boolean): boolean {
  if (flag !== "auto") return flag === "true";
  if (!callerIsRoot()) return true;
  return inUserNamespace() && (!systemd || callerVariable("XDG_RUNTIME_DIR") !== undefined);
}

/**
 * Whether this process is in a user namespace other than the first, which maps every id onto itself:
 * user_namespaces(7).
 */
export function inUserNamespace(): boolean {
  const [inside, outside, length] = Deno.readTextFileSync("/proc/self/uid_map").trim().split(/\s+/).map(
    Number,
  );
  return !(inside === 0 && outside === 0 && length === 4294967295);
}

/**
 * Adds advice to the message of a failed create, where a user may not make cgroups. The message begins with
 * runc's words.
 *
 * @param message The reason of the failure.
 */
export function adviseOnCgroups(message: string): string {
  const denied =
    /could not join or create cgroup|(?:cgroup|\/sys\/fs).*(?:permission denied|read-only file system)/;
  if (!denied.test(message)) return message;
  return `rootless needs no limits + no cgrouppath when no permission is granted for cgroups: ${message}; ` +
    "leave linux.cgroupsPath and the limits out, or have cgroups delegated to your user: " +
    "by systemd, with --systemd-cgroup, on a host of cgroup v2";
}
