/**
 * A device list as properties of a unit.
 *
 * systemd controls a unit's devices too. On cgroup v1 it rewrites the whole list whenever a unit changes, and
 * allows everything if it has no list. Rules that its syntax cannot express are missing here; the file or the
 * program that tsrun writes itself has them. Source: systemd.resource-control(5), `DeviceAllow=`,
 * `DevicePolicy=`.
 * @module
 */
import type { LinuxDeviceCgroup } from "../../../spec/types.ts";
import type { Variant } from "../../dbus/value.ts";
import { type DeviceException, deviceList, formatException } from "../device_rules.ts";
import type { Property } from "./manager.ts";

const ANY = -1;

/**
 * Properties for a container's devices.
 *
 * @param rules `linux.resources.devices`.
 * @throws {RuntimeError} as {@linkcode deviceList} does.
 */
export function deviceProperties(rules: readonly LinuxDeviceCgroup[] | undefined): Property[] {
  const { defaultAllow, exceptions } = deviceList(rules);
  // An empty list removes what an earlier one has allowed.
  const reset: Property = ["DeviceAllow", allow([])];
  if (defaultAllow && exceptions.length === 0) return [reset, policy("auto")];
  // systemd has no list of forbidden devices.
  const entries = defaultAllow ? [] : exceptions.flatMap(entry);
  return [reset, policy("strict"), ["DeviceAllow", allow(entries)]];
}

function policy(value: string): Property {
  return ["DevicePolicy", { signature: "s", value }];
}

function allow(entries: readonly [string, string][]): Variant {
  return { signature: "a(ss)", value: entries };
}

/**
 * Device and access in systemd's syntax; empty for one minor number of all majors, which it cannot express.
 */
function entry(exception: DeviceException): [string, string][] {
  const { type, major, minor } = exception;
  const access = formatException(exception).split(" ")[2];
  const kind = type === "b" ? "block" : "char";
  if (major === ANY) return minor === ANY ? [[`${kind}-*`, access]] : [];
  return [[minor === ANY ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`, access]];
}
