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
import type { LinuxResources } from "../../spec/types.ts";

/** The drivers that a state file may name. */
export type CgroupDriverName = "cgroupfs-v1";

/** What the state file keeps: enough for any later command to find the container's cgroups. */
export interface CgroupRecord {
  driver: CgroupDriverName;
  /** Controller name, `name=…` or `unified` -> absolute directory. Comma-joined mounts appear once per controller. */
  paths: Record<string, string>;
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
  /** What to keep in the state file; complete before {@linkcode create}. */
  readonly record: CgroupRecord;

  /**
   * Makes every directory with its parents.
   * @throws {RuntimeError} when a process is already in there, or the cgroup is frozen.
   */
  create(): void;

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

  /** Stops all processes; returns when the kernel says that all are stopped. Bounded wait. */
  freeze(): void;

  /** Lets all processes go on. */
  thaw(): void;

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
}
