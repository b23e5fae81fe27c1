/**
 * Rules for calls of tsrun that ask others: systemd for a unit, the kernel for network devices.
 * @module
 */

import { netDeviceOf } from "./config_paths.ts";
import type { Rule } from "./rule.ts";

/** What a method of systemd's manager does to a unit, and what in a config asks for it. */
const METHODS: Readonly<Record<string, readonly [words: string, config: string]>> = {
  StartTransientUnit: ["ask systemd to make the unit", "linux.cgroupsPath"],
  SetUnitProperties: ["ask systemd to limit the unit", "linux.resources"],
  AttachProcessesToUnit: ["ask systemd to move the process into the unit", "linux.cgroupsPath"],
  StopUnit: ["ask systemd to stop the unit, if it has not ended by itself", "linux.cgroupsPath"],
  ResetFailedUnit: ["ask systemd to forget the unit", "linux.cgroupsPath"],
};

/** Rules for calls over D-Bus. */
export const OF_SYSTEMD: readonly Rule[] = [
  {
    call: /^org\.freedesktop\.systemd1\.Manager\.(\w+)\("([^"]*)"/,
    words: ([, method, unit]) => `${METHODS[method]?.[0] ?? `ask systemd for ${method} of the unit`} ${unit}`,
    config: ([, method]) => METHODS[method]?.[1] ?? "linux.cgroupsPath",
  },
  {
    stage: "cgroup|resources|unit",
    call: /^(?:socket|connect|setsockopt|sendmsg)\(/,
    words: "talk to systemd",
    config: "linux.cgroupsPath",
  },
];

/** Rules for files that tsrun appends to. */
export const OF_HOOK_OUTPUT: readonly Rule[] = [{
  call: /O_WRONLY\|O_CREAT\|O_APPEND/,
  words: "open the file that what hooks write is appended to",
  config: "annotations",
}];

/** Rules for network devices. */
export const OF_NETWORK: readonly Rule[] = [
  {
    call: /RTM_NEWLINK.*IFLA_IFNAME="([^"]*)".*IFLA_NET_NS_FD/,
    words: ([, name]) => `move a network device into the container, as ${name}`,
    config: ([, name], spec) => netDeviceOf(name, spec),
  },
  { step: /^give it the address .*/, words: ([all]) => all, config: "linux.netDevices" },
  { call: /RTM_NEWLINK/, words: "set the network device up", config: "linux.netDevices" },
  {
    step: /^(?:open a socket for network devices|(?:enter|go back to) the .* network namespace)$/,
    words: ([all]) => all,
    config: "linux.netDevices",
  },
  {
    call: /SOL_NETLINK|^setsockopt\(\S+ 270, |thread-self\/ns\/net/,
    words: "look at the host's network devices",
    config: "linux.netDevices",
  },
];
