/**
 * What every cgroup driver offers, and the choice of the driver for this host.
 *
 * A driver owns the directories of one container. Its life in the order of calls:
 *
 *     planCgroup ─> create ─> join(pid) ─> set(resources) ─> state.json keeps `record`
 *     openCgroup(record) ─> pids / freeze / thaw / frozen / set ─> destroy
 *
 * @module
 */
import { cleanPath } from "../../spec/clean_path.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { LinuxResources, Spec } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { type CgroupHost, readCgroupHost } from "./host.ts";
import { HostCgroupFs } from "./host_fs.ts";
import { isUnified } from "./path.ts";
import { CgroupV1, planV1 } from "./v1/driver.ts";

/** The drivers that a state file may name. */
export type CgroupDriverName = "cgroupfs-v1" | "cgroupfs-v2" | "systemd-v1" | "systemd-v2";

/** What the state file keeps: enough for any later command to find the container's cgroups. */
export interface CgroupRecord {
  driver: CgroupDriverName;
  /** Controller name, `name=…` or `unified` -> absolute directory. Comma-joined mounts appear once per controller. */
  paths: Record<string, string>;
  /** Drivers of systemd: the unit that is the container's, the slice it is in, and the bus of its manager. */
  unit?: string;
  slice?: string;
  bus?: "system" | "user";
}

/**
 * How a process gets into the cgroup by itself, which is many times cheaper than being moved.
 *
 * Writing a pid to `cgroup.procs` (or a pid to `tasks`) takes the kernel's thread-group lock for writing, and its first
 * taker waits for an RCU grace period: 7 to 14 ms here whenever no task was moved in the last tens of milliseconds.
 * A single-threaded process that writes `0` into v1's `tasks` is exempt (kernel/cgroup/cgroup.c,
 * cgroup_procs_write_start), and so is clone3(CLONE_INTO_CGROUP): together 0.4 ms for ten hierarchies.
 */
export interface CgroupEntry {
  /** Files into which the process writes `0`, in this order. May be opened beforehand by a more privileged process. */
  tasks: string[];
  /** Directory of the cgroup v2 hierarchy, for clone3(CLONE_INTO_CGROUP); null where there is none. */
  cloneInto: string | null;
}

/** The cgroups of one container. */
export interface CgroupDriver {
  /**
   * What to keep in the state file: complete before {@linkcode create}, so that it can be recorded first. create and
   * join take out what a container can do without and could not get.
   */
  readonly record: CgroupRecord;

  /**
   * Makes every directory with its parents, fit to be entered. A failure leaves nothing behind, and nothing for
   * {@linkcode destroy} to do.
   *
   * @param resources Limits that have to be there before a process is: CPUs, memory nodes, real-time budget.
   * @param stagePid The process that will clone the init. A systemd scope needs a process from its beginning.
   * @throws {RuntimeError} when a process is already in there, or the cgroup is frozen.
   */
  create(resources?: LinuxResources, stagePid?: number): void;

  /**
   * What the init does itself instead of {@linkcode join}; valid after {@linkcode create}.
   * Whoever uses it does all of it: every file of `tasks`, and `cloneInto` where it is not null.
   */
  entry(): CgroupEntry;

  /**
   * Moves a process, and with it what it forks from now on, into every hierarchy.
   * Waits for an RCU grace period, see {@linkcode CgroupEntry}: only for a process that cannot enter by itself.
   */
  join(pid: number): void;

  /**
   * Applies limits; fields that are absent stay as they are, except that an absent device list means the default one.
   * @throws {RuntimeError} naming the file, the value and the kernel's reason.
   */
  set(resources: LinuxResources | undefined): void;

  /** All processes in the cgroup and below, sorted, each once; empty when the cgroup is gone. */
  pids(): number[];

  /**
   * Kills all processes at once, frozen ones too, where the kernel can do that.
   *
   * @returns Whether it did; absent or false: they have to be killed one by one.
   */
  kill?(): boolean;

  /**
   * Stops all processes; returns when the kernel says that all are stopped.
   *
   * @param longest Milliseconds before giving up, 10,000 when absent.
   * @throws {RuntimeError} `unable to freeze`, with all processes going on.
   */
  freeze(longest?: number): void;

  /** Lets all processes go on. */
  thaw(): void;

  /**
   * Lets every process go on that was killed: a frozen one ends on v1 only when it is thawed, also one in a cgroup below
   * that was frozen by itself (by a runtime in the container). What is gone is fine.
   */
  thawKilled(): void;

  /** Lets killed processes of a container that is to go end soon: thawed, and with all the CPU time that they need. */
  hasten(): void;

  /** Whether the container is frozen (that is: paused). False when the cgroup is gone. */
  frozen(): boolean;

  /** Removes the directories and all below them; waits out EBUSY; what is already gone is fine. */
  destroy(): void;
}

/** What decides where a container's cgroups are. */
export interface CgroupRequest {
  id: string;
  /** `linux.cgroupsPath` of the config. */
  cgroupsPath?: string;
  /** `--systemd-cgroup` was given. */
  systemd: boolean;
  /** Permission errors are no errors as long as neither a path nor a limit is asked for. */
  rootless: boolean;
  /** The config, of which systemd's drivers take the annotations that are properties of a unit, and whose the cgroup is. */
  spec?: Spec;
}

/**
 * Chooses the driver of this host and the place of a container's cgroups. Makes nothing yet.
 *
 * A host is one of cgroup v2 where that is what /sys/fs/cgroup is, or all that is mounted; every other host's limits
 * are set by v1, with the v2 hierarchy of a hybrid one beside it. The driver of v1 is at hand, others are loaded.
 *
 * @param kernel Asked for when a driver has a system call to make: for device programs and for D-Bus.
 * @param host What the host offers; read from /proc when it is not given.
 * @throws {RuntimeError} where there are no cgroups, or there is no systemd that was asked for.
 */
export async function planCgroup(
  kernel: () => LocalKernel,
  request: CgroupRequest,
  host: CgroupHost = readCgroupHost(),
): Promise<CgroupDriver> {
  if (host.mounts.length === 0) throw new RuntimeError("no cgroup mount found in mountinfo");
  if (request.systemd) return (await import("./systemd/driver.ts")).planSystemd(kernel, request, host);
  const { inner, options } = readRequest(request);
  if (isUnified(host.mounts)) return await planUnified(kernel, host, inner, options);
  return new CgroupV1(host.fs, planV1(host, inner), options);
}

/** What a request comes to for a driver of the file system: the place, and how failures are taken. */
export function readRequest(
  { id, cgroupsPath = "", rootless }: CgroupRequest,
): { inner: string; options: { tolerant: boolean; rootless: boolean } } {
  const asked = cleanPath(cgroupsPath);
  return { inner: asked || id, options: { tolerant: rootless && asked === "", rootless } };
}

/** The driver of v2 and the system calls it needs for devices: both are loaded only where a host has v2 alone. */
async function planUnified(
  kernel: () => LocalKernel,
  host: CgroupHost,
  inner: string,
  options: { tolerant: boolean; rootless: boolean },
): Promise<CgroupDriver> {
  const { planUnified, unifiedOptions } = await import("./v2/driver.ts");
  return planUnified(host, inner, unifiedOptions(kernel, options));
}

/**
 * The driver of a container that exists, from its state file.
 *
 * @param kernel As for {@linkcode planCgroup}.
 */
export async function openCgroup(kernel: () => LocalKernel, record: CgroupRecord): Promise<CgroupDriver> {
  const options = { tolerant: false, rootless: false };
  if (record.driver === "cgroupfs-v1") return new CgroupV1(new HostCgroupFs(), record, options);
  if (record.driver === "cgroupfs-v2") {
    const { openUnified, unifiedOptions } = await import("./v2/driver.ts");
    return openUnified(record, unifiedOptions(kernel, options));
  }
  return (await import("./systemd/driver.ts")).openSystemd(kernel, record);
}
