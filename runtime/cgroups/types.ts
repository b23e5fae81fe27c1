/**
 * What the drivers of cgroups have in common: the record in the state file, a container's cgroups over its life, and what
 * is asked of them while it runs. Types only.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import type { LinuxResources, Spec } from "../../spec/types.ts";
import type { CgroupFs } from "./fs.ts";
import type { CgroupMount } from "./path.ts";
import type { CgroupStats } from "./stats.ts";

/** The drivers that a state file may name. */
export type CgroupDriverName = "cgroupfs-v1" | "cgroupfs-v2" | "systemd-v1" | "systemd-v2";

/** The hierarchies, where this process is in them, and the way to their files. */
export interface CgroupHost {
  fs: CgroupFs;
  mounts: CgroupMount[];
  /** The runtime's own cgroups by controller; read when first asked for, which is rare. */
  own(): ReadonlyMap<string, string>;
}

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

/** The cgroups of a running container; each driver has one implementation, `<version>_live.ts`. */
export interface LiveCgroup {
  /**
   * Changes limits, all of them or none: where one is refused, those before it get their old values back.
   *
   * @param resources All limits that are to be written. Device rules, where there are any, take the place of the old ones
   * in one step; v1 has no such step, and leaves them alone.
   * @throws {RuntimeError} naming the file, the value and the kernel's reason; and the file whose old value could not
   * be given back, if there is one.
   */
  update(resources: LinuxResources): void;

  /** Measures. @throws {RuntimeError} when the cgroup is gone or a file cannot be understood. */
  stats(): CgroupStats;

  /** Begins to listen for the kernel running out of the container's memory. @throws {RuntimeError} */
  watchOom(k: LocalKernel): OomWatch;
}

/** A source of notifications; to be closed by disposal. */
export interface OomWatch extends Disposable {
  /** Readable (POLLIN) when there may be something to take. */
  readonly descriptor: number;
  /** Takes what there is, without waiting. */
  take(): OomNews;
}

/** See {@linkcode OomWatch.take}. */
export interface OomNews {
  /** How often memory ran out since the last call. */
  count: number;
  /** There will be nothing more: the cgroup has no process any more, or was removed. */
  ended: boolean;
}
