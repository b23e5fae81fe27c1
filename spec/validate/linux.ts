/**
 * Rules of time namespaces, network devices and Intel RDT: runtime-spec `config-linux.md`.
 *
 * @module
 */
import { fixNamespace, type Namespaces } from "../rules/namespaces.ts";
import { type Partly, propertyPath, quote, type Report } from "../rules/report.ts";
import type { Linux } from "../types.ts";

/** Longest name of a network device: IFNAMSIZ of linux/if.h without the final NUL. */
const DEVICE_NAME_MAX = 15;

/** Clock offsets need a new time namespace. */
export function checkTimeOffsets(
  { timeOffsets }: Partly<Linux>,
  namespaces: Namespaces,
  report: Report,
): void {
  if (!timeOffsets) return;
  if (namespaces.time === undefined) {
    report(
      "linux.timeOffsets",
      "time namespace offsets specified, but time namespace isn't enabled in the config",
      fixNamespace("time"),
    );
  } else if (namespaces.time !== "") {
    report(
      "linux.timeOffsets",
      "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one",
    );
  }
  for (const clock of Object.keys(timeOffsets)) {
    if (clock === "monotonic" || clock === "boottime") continue;
    const path = propertyPath("linux.timeOffsets", clock);
    report(path, `clock ${quote(clock)} has no offset`, "one of monotonic, boottime");
  }
}

/** Network devices need a network namespace, and names that the kernel takes. */
export function checkNetDevices(
  { netDevices = {} }: Partly<Linux>,
  namespaces: Namespaces,
  report: Report,
): void {
  const devices = Object.entries(netDevices), names = new Set<string>();
  if (devices.length > 0 && namespaces.network === undefined) {
    report(
      "linux.netDevices",
      "unable to move network devices without a NET namespace",
      fixNamespace("network"),
    );
  }
  for (const [host, { name } = {}] of devices) {
    const path = propertyPath("linux.netDevices", host);
    if (!isDeviceName(host)) report(path, `invalid network device name ${quote(host)}`);
    if (name && !(isDeviceName(name) && isDeviceTemplate(name))) {
      report(`${path}.name`, `invalid network device name ${quote(name)}`);
    }
    const taken = name || host;
    if (names.has(taken) && !taken.includes("%d")) {
      report(path, `network device name ${quote(taken)} is given twice`, "give each another name");
    }
    names.add(taken);
  }
}

/**
 * `%d` may occur once and stands for a number that the kernel finds: dev_prep_valid_name() in net/core/dev.c.
 */
function isDeviceTemplate(name: string): boolean {
  return /^[^%]*(?:%d[^%]*)?$/.test(name);
}

/** The rule of dev_valid_name() in the kernel's net/core/dev.c. */
function isDeviceName(name: string): boolean {
  return name.length > 0 && name.length <= DEVICE_NAME_MAX && name !== "." && name !== ".." &&
    !/[/:\s]/.test(name);
}

/** `intelRdt`: names and lines must be such as resctrl takes. */
export function checkIntelRdt({ intelRdt }: Partly<Linux>, report: Report): void {
  const { closID = "", memBwSchema } = intelRdt ?? {};
  if (closID === "." || closID === ".." || (closID.length > 1 && closID.includes("/"))) {
    report("linux.intelRdt.closID", `invalid intelRdt.ClosID ${quote(closID)}`);
  }
  if (memBwSchema && !memBwSchema.startsWith("MB:")) {
    report("linux.intelRdt.memBwSchema", 'must start with "MB:"');
  }
}
