/**
 * The device list of a container, written to the v1 devices controller.
 * @module
 */
import type { LinuxDeviceCgroup } from "../../../spec/types.ts";
import type { CgroupFs } from "../fs.ts";
import { deviceList, formatException } from "../device_rules.ts";

/** All devices, all accesses. */
const ALL = "a *:* rwm";

/**
 * Writes a cgroup's device list. It replaces the list that the cgroup inherited: one write for the default,
 * one for each exception.
 *
 * Exceptions keep their full access even where a wider one grants a part of it (mknod of everything): a
 * container that makes cgroups of its own can only hand on what one single exception grants.
 *
 * @throws {RuntimeError} see {@linkcode deviceList}; and when the kernel refuses because a parent cgroup
 * grants less.
 */
export function setDevices(fs: CgroupFs, dir: string, rules: readonly LinuxDeviceCgroup[] | undefined): void {
  const { defaultAllow, exceptions } = deviceList(rules);
  fs.write(dir, defaultAllow ? "devices.allow" : "devices.deny", ALL);
  if (exceptions.length === 0) return;
  fs.write(dir, defaultAllow ? "devices.deny" : "devices.allow", exceptions.map(formatException));
}
