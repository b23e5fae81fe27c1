/**
 * Types that the drivers of cgroups share: the record in the state file, a container's cgroups, and requests
 * while it runs.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import type { LinuxResources, Spec } from "../../spec/types.ts";
import type { CgroupFs } from "./fs.ts";
import type { CgroupMount } from "./path.ts";
import type { CgroupStats } from "./stats.ts";

/** The drivers that a state file may name. */
export type CgroupDriverName = "cgroupfs-v1" | "cgroupfs-v2" | "systemd-v1" | "systemd-v2";

/** The hierarchies, this process's place in them, and access to their files. */
export interface CgroupHost {
  fs: CgroupFs;
  mounts: CgroupMount[];
  /** The runtime's own cgroups by controller. They are read at the first call, which is rare. */
  own(): ReadonlyMap<string, string>;
}

/** The part of the state file about cgroups, by which every later command finds the container's cgroups. */
export interface CgroupRecord {
  driver: CgroupDriverName;
  /**
   * Absolute directories by controller name, `name=…` or `unified`. Comma-joined mounts appear once per
   * controller.
   */
  paths: Record<string, string>;
  /** Drivers of systemd: the container's unit, its slice, and the bus of its manager. */
  unit?: string;
  slice?: string;
  bus?: "system" | "user";
}

/**
 * How a process enters the cgroup by itself, which is many times cheaper than being moved.
 *
 * Writing a pid to `cgroup.procs` (or a pid to `tasks`) takes the kernel's thread-group lock for writing, and
 * its first taker waits for an RCU grace period: 7 to 14 ms here whenever no task was moved in the last tens
 * of milliseconds. A single-threaded process that writes `0` into v1's `tasks` is exempt
 * (kernel/cgroup/cgroup.c, cgroup_procs_write_start), and so is clone3(CLONE_INTO_CGROUP): together 0.4 ms
 * for ten hierarchies.
 */
export interface CgroupEntry {
  /** Files to which the process writes `0`, in this order. A more privileged process may open them before. */
  tasks: string[];
  /** Directory of the cgroup v2 hierarchy, for clone3(CLONE_INTO_CGROUP); null where there is none. */
  cloneInto: string | null;
}

/** The cgroups of one container. */
export interface CgroupDriver {
  /**
   * The part for the state file. It is complete before {@linkcode create}, so that it can be written first.
   * `create` and `join` leave out hierarchies that they could not use and that are not needed. They then
   * return another record, and this one stays unchanged.
   */
  readonly record: Readonly<CgroupRecord>;

  /**
   * Makes every directory with its parents, ready to be entered. A failure leaves nothing behind, and nothing
   * for {@linkcode destroy} to do.
   *
   * @param resources Limits that must be set before a process enters: CPUs, memory nodes, real-time budget.
   * @param stagePid The process that will clone the init. A systemd scope needs a process from its beginning.
   * @returns The record to keep from now on.
   * @throws {RuntimeError} when a process is in it already, or the cgroup is frozen.
   */
  create(resources?: LinuxResources, stagePid?: number): CgroupRecord;

  /**
   * The steps of the init that replace {@linkcode join}; valid after {@linkcode create}. All of them have to
   * be done: every file of `tasks`, and `cloneInto` where it is not null.
   */
  entry(): CgroupEntry;

  /**
   * Moves a process, and with it its later children, into every hierarchy. It waits for an RCU grace period,
   * see {@linkcode CgroupEntry}, so it is only for a process that cannot enter by itself.
   */
  join(pid: number): void;

  /**
   * Applies limits. Absent fields are not changed, except that an absent device list means the default one.
   * @throws {RuntimeError} with the file, the value and the kernel's reason.
   */
  set(resources: LinuxResources | undefined): void;

  /** All processes in the cgroup and below, sorted, each once; empty when the cgroup is gone. */
  pids(): number[];

  /**
   * Kills all processes at once, frozen ones too, where the kernel supports that.
   *
   * @returns Whether it did. Absent or false: they have to be killed one by one.
   */
  kill?(): boolean;

  /**
   * Freezes all processes. Returns when the kernel reports that all are frozen.
   *
   * @param longest Milliseconds before giving up, 10,000 when absent.
   * @throws {RuntimeError} `unable to freeze`. All processes go on then.
   */
  freeze(longest?: number): void;

  /** Thaws all processes. */
  thaw(): void;

  /**
   * Thaws every process that was killed. On v1 a frozen process ends only after that, also one in a cgroup
   * below that was frozen by itself (by a runtime in the container). A missing cgroup is no error.
   */
  thawKilled(): void;

  /**
   * Makes killed processes of a container that is being removed end soon: thaws them, and gives them all the
   * CPU time they need.
   */
  hasten(): void;

  /** Whether the container is frozen (that is: paused). False when the cgroup is gone. */
  frozen(): boolean;

  /**
   * Removes the directories and everything below them. It waits while they are busy (EBUSY). Missing ones are
   * no error.
   */
  destroy(): void;
}

/** Facts that decide the place of a container's cgroups. */
export interface CgroupRequest {
  id: string;
  /** `linux.cgroupsPath` of the config. */
  cgroupsPath?: string;
  /** `--systemd-cgroup` was given. */
  systemd: boolean;
  /** No cgroup is to be made. */
  none?: boolean;
  /** Permission errors are ignored as long as neither a path nor a limit is asked for. */
  rootless: boolean;
  /**
   * The config. systemd's drivers take unit properties from its annotations, and the owner of the cgroup
   * follows from it.
   */
  spec?: Spec;
}

/** The cgroups of a running container. Each driver implements it in its `live.ts`. */
export interface LiveCgroup {
  /**
   * Changes limits: all of them or none. Where one is refused, those before it are restored.
   *
   * @param resources All limits to be written. Device rules replace the old ones in one step; v1 has no such
   * step, and its rules are not changed.
   * @throws {RuntimeError} with the file, the value and the kernel's reason; and with the file that could not
   * be restored, if there is one.
   */
  update(resources: LinuxResources): void;

  /** Takes a measurement. @throws {RuntimeError} when the cgroup is gone or a file is not understood. */
  stats(): CgroupStats;

  /** Begins to listen for the container's memory running out. @throws {RuntimeError} */
  watchOom(k: LocalKernel): OomWatch;
}

/** A source of notifications. Disposal closes it. */
export interface OomWatch extends Disposable {
  /** Readable (POLLIN) when there may be a notification. */
  readonly descriptor: number;
  /** Takes the notifications that have come, without waiting. */
  take(): OomNews;
}

/** See {@linkcode OomWatch.take}. */
export interface OomNews {
  /** How often memory ran out since the last call. */
  count: number;
  /** No notification will come: the cgroup has no process left, or was removed. */
  ended: boolean;
}
