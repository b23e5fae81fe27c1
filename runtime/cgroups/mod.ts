/**
 * The interface of this folder to the rest of the program.
 *
 * Most commands need one part of it or none, and loaded code costs a command's start (build/README.md).
 * Functions therefore load the parts. Only types, and the question that every look at a container asks, are
 * loaded with this module.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import type { CgroupDriver, CgroupRecord, LiveCgroup } from "./types.ts";

export { freezerFiles, isPaused, mayHoldKilled } from "./frozen.ts";
export type {
  CgroupDriver,
  CgroupEntry,
  CgroupHost,
  CgroupRecord,
  CgroupRequest,
  LiveCgroup,
  OomNews,
  OomWatch,
} from "./types.ts";
export type { ExecEntry } from "./exec_full.ts";
export type { CgroupMountStep } from "./mount.ts";
export type * from "./stats.ts";
export type { ResctrlGroup, ResctrlRecord } from "./resctrl/group.ts";
export type { SchemaChange } from "./resctrl/update.ts";

/** For `create`: the host's hierarchies, and a driver for a new container. */
export function loadDriver(): Promise<typeof import("./driver.ts")> {
  return import("./driver.ts");
}

/**
 * The cgroups of an existing container.
 *
 * @param kernel Called when the driver has a system call to make.
 * @param record From the container's state file.
 */
export async function openCgroup(kernel: () => LocalKernel, record: CgroupRecord): Promise<CgroupDriver> {
  return (await import("./driver.ts")).openDriver(kernel, record);
}

/** Limits, measurements and out-of-memory events of a running container. */
export async function openLive(kernel: () => LocalKernel, record: CgroupRecord): Promise<LiveCgroup> {
  return (await import("./live.ts")).openLiveDriver(kernel, record);
}

/** The rules of `linux.resources.devices`, for a check without a container. */
export function loadDeviceRules(): Promise<typeof import("./device_rules.ts")> {
  return import("./device_rules.ts");
}

/** What this host's cgroups lack for the limits of a config. */
export function loadLacking(): Promise<typeof import("./lacking.ts")> {
  return import("./lacking.ts");
}

/** Whether device programs of cgroup v2 can be loaded. */
export function loadDeviceTrial(): Promise<typeof import("./v2/device_trial.ts")> {
  return import("./v2/device_trial.ts");
}

/** Conversations with systemd. */
export function loadSystemd(): Promise<typeof import("./systemd/manager.ts")> {
  return import("./systemd/manager.ts");
}

/** systemd in a dry run. */
export function loadDrySystemd(): Promise<typeof import("./systemd/dry.ts")> {
  return import("./systemd/dry.ts");
}

/** Mounts of type `cgroup` in a container. */
export function loadCgroupMount(): Promise<typeof import("./mount.ts")> {
  return import("./mount.ts");
}

/** How a process of `exec` enters a container's cgroups. */
export function loadEntry(): Promise<typeof import("./entry.ts")> {
  return import("./entry.ts");
}

/** The same for cgroups whose limit of processes is reached. */
export function loadFullEntry(): Promise<typeof import("./exec_full.ts")> {
  return import("./exec_full.ts");
}

/** The same for cgroups below the container's own, `exec --cgroup`. */
export function loadSubCgroups(): Promise<typeof import("./sub_cgroups.ts")> {
  return import("./sub_cgroups.ts");
}

/** The same by systemd, where only systemd may move a process into a user's unit. */
export function loadSystemdEntry(): Promise<typeof import("./systemd/exec.ts")> {
  return import("./systemd/exec.ts");
}

/** Intel RDT: a container's group in resctrl. */
export function loadResctrl(): Promise<typeof import("./resctrl/group.ts")> {
  return import("./resctrl/group.ts");
}

/** Intel RDT: the group of a container whose record is lost. */
export function loadResctrlCleanup(): Promise<typeof import("./resctrl/unrecorded.ts")> {
  return import("./resctrl/unrecorded.ts");
}

/** Intel RDT: measurements. */
export function loadResctrlStats(): Promise<typeof import("./resctrl/stats.ts")> {
  return import("./resctrl/stats.ts");
}

/** Intel RDT: changes of a running container's limits. */
export function loadResctrlUpdate(): Promise<typeof import("./resctrl/update.ts")> {
  return import("./resctrl/update.ts");
}
