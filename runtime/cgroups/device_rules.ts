/**
 * The device access list of a container: the config's rules and the defaults, reduced to a final state.
 *
 * The kernel's list (security/device_cgroup.c) is a default and exceptions to it. The rules are applied to a
 * model of that list, so the final list is short and does not depend on repeated rules. Source: runtime-spec
 * config-linux.md "Allowed Device list"; kernel document admin-guide/cgroup-v1/devices.rst.
 * @module
 */
import type { LinuxDeviceCgroup } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";

/** Every major or minor number. */
const ANY = -1;
const READ = 1, WRITE = 2, MKNOD = 4, ALL = READ | WRITE | MKNOD;

/** An exception to the default: devices, and kinds of access. */
export interface DeviceException {
  type: "b" | "c";
  /** -1 means all. */
  major: number;
  /** -1 means all. */
  minor: number;
  /** A set of 1 (read), 2 (write), 4 (mknod). */
  access: number;
}

/** A finished list. */
export interface DeviceList {
  /** Whether a device without an exception may be used. */
  defaultAllow: boolean;
  /** Sorted by major, minor, type. Exceptions that a wider one includes are left out. */
  exceptions: DeviceException[];
}

/** Devices that every container may use, appended to its own rules. The list and its order are runc's. */
const DEFAULT_ALLOWED: readonly DeviceException[] = [
  { type: "c", major: ANY, minor: ANY, access: MKNOD },
  { type: "b", major: ANY, minor: ANY, access: MKNOD },
  { type: "c", major: 1, minor: 3, access: ALL }, // /dev/null
  { type: "c", major: 1, minor: 8, access: ALL }, // /dev/random
  { type: "c", major: 1, minor: 7, access: ALL }, // /dev/full
  { type: "c", major: 5, minor: 0, access: ALL }, // /dev/tty
  { type: "c", major: 1, minor: 5, access: ALL }, // /dev/zero
  { type: "c", major: 1, minor: 9, access: ALL }, // /dev/urandom
  { type: "c", major: 136, minor: ANY, access: ALL }, // /dev/pts/*
  { type: "c", major: 5, minor: 2, access: ALL }, // /dev/ptmx
  { type: "c", major: 10, minor: 200, access: ALL }, // /dev/net/tun
];

/**
 * The final list of a container.
 *
 * @param rules `linux.resources.devices`. Without any, only the defaults are allowed.
 * @throws {RuntimeError} for a rule without access or of an unknown type, and for one that the kernel cannot
 * express.
 */
export function deviceList(rules: readonly LinuxDeviceCgroup[] | undefined): DeviceList {
  const model: Model = { defaultAllow: false, exceptions: new Map() };
  let index = 0;
  for (const rule of rules ?? []) play(model, rule, index++);
  for (const exception of DEFAULT_ALLOWED) change(model, true, exception);
  return tidy(model);
}

/** A rule in the syntax of devices.allow and devices.deny. */
export function formatException({ type, major, minor, access }: DeviceException): string {
  const letters = (access & READ ? "r" : "") + (access & WRITE ? "w" : "") + (access & MKNOD ? "m" : "");
  return `${type} ${major === ANY ? "*" : major}:${minor === ANY ? "*" : minor} ${letters}`;
}

/** The kernel's list while rules are applied; exceptions by type and numbers. */
interface Model {
  defaultAllow: boolean;
  exceptions: Map<string, DeviceException>;
}

/** Applies one rule of the config. */
function play(model: Model, rule: LinuxDeviceCgroup, index: number): void {
  if (!rule.access) {
    throw new RuntimeError("EINVAL_DEVICE_RULE", `device access at ${index} field cannot be empty`);
  }
  const type = rule.type || "a";
  if (type !== "a" && type !== "b" && type !== "c") {
    throw new RuntimeError("EINVAL_DEVICE_RULE", `invalid cgroup device type ${JSON.stringify(type)}`);
  }
  if (type === "a") {
    // To the kernel, "a" means all devices and all accesses. The rest of the rule is ignored.
    model.defaultAllow = rule.allow;
    model.exceptions.clear();
    return;
  }
  const { major = ANY, minor = ANY } = rule;
  change(model, rule.allow, { type, major, minor, access: parseAccess(rule.access) });
}

/** Allows or denies some devices, by adding or removing an exception. The default decides which. */
function change({ defaultAllow, exceptions }: Model, allow: boolean, exception: DeviceException): void {
  const { type, major, minor, access } = exception;
  const key = `${type} ${major}:${minor}`;
  const known = exceptions.get(key);
  if (allow === defaultAllow) remove(exceptions, key, exception);
  else exceptions.set(key, { type, major, minor, access: access | (known === undefined ? 0 : known.access) });
}

/**
 * Removes an exception. The kernel ignores the removal of a part of a wider exception; here that is an error.
 */
function remove(exceptions: Model["exceptions"], key: string, exception: DeviceException): void {
  const known = exceptions.get(key);
  for (const wider of exceptions.values()) {
    if (wider === known || !covers(wider, exception) || !(wider.access & exception.access)) continue;
    throw new RuntimeError(
      "EINVAL_DEVICE_RULE",
      `requested rule [${formatException(exception)}] not supported by devices cgroupv1` +
        ` (cannot punch hole in existing wildcard rule [${formatException(wider)}])`,
    );
  }
  if (known === undefined) return;
  known.access &= ~exception.access;
  if (known.access === 0) exceptions.delete(key);
}

/** Sorts the exceptions, and leaves out those that a wider one includes. */
function tidy({ defaultAllow, exceptions }: Model): DeviceList {
  const all = [...exceptions.values()];
  const wide = all.filter((one) => one.major === ANY || one.minor === ANY);
  const kept: DeviceException[] = [];
  for (const one of all) {
    let included = false;
    for (const other of wide) {
      if (other !== one && (one.access & ~other.access) === 0 && covers(other, one)) included = true;
    }
    if (!included) kept.push(one);
  }
  kept.sort((a, b) => a.major - b.major || a.minor - b.minor || (a.type < b.type ? -1 : 1));
  return { defaultAllow, exceptions: kept };
}

/** Whether the devices of `wide` include those of `narrow`. */
function covers(wide: DeviceException, narrow: DeviceException): boolean {
  return wide.type === narrow.type && (wide.major === ANY || wide.major === narrow.major) &&
    (wide.minor === ANY || wide.minor === narrow.minor);
}

/** Other letters are ignored, as in runc. */
function parseAccess(text: string): number {
  if (text === "rwm") return ALL;
  let access = 0;
  for (const letter of text) {
    access |= letter === "r" ? READ : letter === "w" ? WRITE : letter === "m" ? MKNOD : 0;
  }
  if (access === 0) {
    throw new RuntimeError("EINVAL_DEVICE_RULE", `invalid cgroup device access ${JSON.stringify(text)}`);
  }
  return access;
}
