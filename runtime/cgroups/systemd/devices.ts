/**
 * A device list as properties of a unit.
 *
 * systemd has its own say in what devices a unit may use: on cgroup v1 it rewrites the whole list whenever a unit
 * changes, and would allow everything if it was told nothing. What its syntax has no words for is missing here, and is
 * there by the file or the program that tsrun sets itself.
 * Source: systemd.resource-control(5), `DeviceAllow=`, `DevicePolicy=`.
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
  // Of a list of what is forbidden systemd knows nothing.
  const entries = defaultAllow ? [] : exceptions.flatMap(entry);
  return [reset, policy("strict"), ["DeviceAllow", allow(entries)]];
}

function policy(value: string): Property {
  return ["DevicePolicy", { signature: "s", value }];
}

function allow(entries: readonly [string, string][]): Variant {
  return { signature: "a(ss)", value: entries };
}

/** Device and access in systemd's words; nothing for one minor number of all majors, which it has no words for. */
function entry(exception: DeviceException): [string, string][] {
  const { type, major, minor } = exception;
  const access = formatException(exception).split(" ")[2];
  const kind = type === "b" ? "block" : "char";
  if (major === ANY) return minor === ANY ? [[`${kind}-*`, access]] : [];
  return [[minor === ANY ? `${kind}-${major}` : `/dev/${kind}/${major}:${minor}`, access]];
}
