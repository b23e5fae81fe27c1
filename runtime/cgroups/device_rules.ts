/**
 * The device access list of a container: the rules of the config and the defaults, boiled down to a final state.
 *
 * The kernel's list (security/device_cgroup.c) is a default and exceptions to it. Rules are played on a model of
 * that list, so that what is written in the end is short and does not depend on how often a rule was repeated.
 * Source: runtime-spec config-linux.md "Allowed Device list"; kernel document admin-guide/cgroup-v1/devices.rst.
 * @module
 */
import type { LinuxDeviceCgroup } from "../../spec/types.ts";
import { RuntimeError } from "../errors.ts";

/** Every major or minor number. */
const ANY = -1;
const READ = 1, WRITE = 2, MKNOD = 4;

/** What every container may do, appended to its own rules; the same list and order as runc's. */
const DEFAULT_ALLOWED: readonly (readonly [type: "b" | "c", major: number, minor: number, access: number])[] =
  [
    ["c", ANY, ANY, MKNOD],
    ["b", ANY, ANY, MKNOD],
    ["c", 1, 3, READ | WRITE | MKNOD], // /dev/null
    ["c", 1, 8, READ | WRITE | MKNOD], // /dev/random
    ["c", 1, 7, READ | WRITE | MKNOD], // /dev/full
    ["c", 5, 0, READ | WRITE | MKNOD], // /dev/tty
    ["c", 1, 5, READ | WRITE | MKNOD], // /dev/zero
    ["c", 1, 9, READ | WRITE | MKNOD], // /dev/urandom
    ["c", 136, ANY, READ | WRITE | MKNOD], // /dev/pts/*
    ["c", 5, 2, READ | WRITE | MKNOD], // /dev/ptmx
    ["c", 10, 200, READ | WRITE | MKNOD], // /dev/net/tun
  ];

/** An exception to the default: devices, and the accesses that it is about. */
export interface DeviceException {
  type: "b" | "c";
  /** -1: every one. */
  major: number;
  /** -1: every one. */
  minor: number;
  /** A set of 1 (read), 2 (write), 4 (mknod). */
  access: number;
}

/** A finished list. */
export interface DeviceList {
  /** Whether a device without an exception may be used. */
  defaultAllow: boolean;
  /** By major, minor, type; those that a wider one includes are left out. */
  exceptions: DeviceException[];
}

/**
 * The list that the container is to have.
 *
 * @param rules `linux.resources.devices`; absent means that nothing but the defaults is allowed.
 * @throws {RuntimeError} for a rule without access or of an unknown type, and for one that the kernel cannot express.
 */
export function deviceList(rules: readonly LinuxDeviceCgroup[] | undefined): DeviceList {
  const model = new DeviceModel();
  rules?.forEach((rule, index) => model.play(rule, index));
  for (const [type, major, minor, access] of DEFAULT_ALLOWED) model.allow({ type, major, minor, access });
  return model.list();
}

/** A rule in the syntax of devices.allow and devices.deny. */
export function formatException({ type, major, minor, access }: DeviceException): string {
  const number = (value: number) => value === ANY ? "*" : String(value);
  return `${type} ${number(major)}:${number(minor)} ${formatAccess(access)}`;
}

class DeviceModel {
  #defaultAllow = false;
  readonly #exceptions = new Map<string, DeviceException>();

  /** Plays one rule of the config. */
  play(rule: LinuxDeviceCgroup, index: number): void {
    if (!rule.access) throw new RuntimeError(`device access at ${index} field cannot be empty`);
    const type = rule.type || "a";
    if (type !== "a" && type !== "b" && type !== "c") {
      throw new RuntimeError(`invalid cgroup device type ${JSON.stringify(type)}`);
    }
    if (type === "a") {
      // To the kernel, "a" is all devices and all accesses, whatever else the rule says.
      this.#defaultAllow = rule.allow;
      this.#exceptions.clear();
      return;
    }
    const exception = {
      type,
      major: rule.major ?? ANY,
      minor: rule.minor ?? ANY,
      access: parseAccess(rule.access),
    };
    if (rule.allow) this.allow(exception);
    else this.#deny(exception);
  }

  allow(exception: DeviceException): void {
    if (this.#defaultAllow) this.#remove(exception);
    else this.#add(exception);
  }

  list(): DeviceList {
    const all = [...this.#exceptions.values()];
    const exceptions = all.filter((one) => !all.some((other) => other !== one && includes(other, one)));
    exceptions.sort((a, b) => a.major - b.major || a.minor - b.minor || (a.type < b.type ? -1 : 1));
    return { defaultAllow: this.#defaultAllow, exceptions };
  }

  #deny(exception: DeviceException): void {
    if (this.#defaultAllow) this.#add(exception);
    else this.#remove(exception);
  }

  #add(exception: DeviceException): void {
    const known = this.#exceptions.get(keyOf(exception));
    this.#exceptions.set(keyOf(exception), { ...exception, access: exception.access | (known?.access ?? 0) });
  }

  /** The kernel passes over a request to take something out of a wider exception; here that is an error. */
  #remove(exception: DeviceException): void {
    const key = keyOf(exception);
    for (const wider of this.#exceptions.values()) {
      if (keyOf(wider) === key || !covers(wider, exception) || !(wider.access & exception.access)) continue;
      throw new RuntimeError(
        `requested rule [${formatException(exception)}] not supported by devices cgroupv1` +
          ` (cannot punch hole in existing wildcard rule [${formatException(wider)}])`,
      );
    }
    const known = this.#exceptions.get(key);
    const access = (known?.access ?? 0) & ~exception.access;
    if (access === 0) this.#exceptions.delete(key);
    else this.#exceptions.set(key, { ...exception, access });
  }
}

function keyOf({ type, major, minor }: DeviceException): string {
  return `${type} ${major}:${minor}`;
}

/** Whether the devices of `wide` include those of `narrow`. */
function covers(wide: DeviceException, narrow: DeviceException): boolean {
  return wide.type === narrow.type && (wide.major === ANY || wide.major === narrow.major) &&
    (wide.minor === ANY || wide.minor === narrow.minor);
}

/** Whether `wide` says all that `narrow` says. */
function includes(wide: DeviceException, narrow: DeviceException): boolean {
  return covers(wide, narrow) && (narrow.access & ~wide.access) === 0;
}

function parseAccess(text: string): number {
  let access = 0;
  for (const letter of text) {
    const bit = letter === "r" ? READ : letter === "w" ? WRITE : letter === "m" ? MKNOD : 0;
    if (bit === 0) throw new RuntimeError(`invalid cgroup device access ${JSON.stringify(text)}`);
    access |= bit;
  }
  return access;
}

function formatAccess(access: number): string {
  return (access & READ ? "r" : "") + (access & WRITE ? "w" : "") + (access & MKNOD ? "m" : "");
}
