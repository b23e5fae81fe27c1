/**
 * cgroup v1 and hybrid hosts, by files.
 *
 * The container gets a directory in every mounted hierarchy: one for each controller (co-mounted ones share
 * it), one in systemd's own hierarchy and one in the v2 hierarchy of a hybrid host. The last two have no
 * limits; they show the container as one group there too.
 * @module
 */
import { EACCES, EEXIST, EINVAL, ENOENT, EPERM, EROFS } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { setDevices } from "./devices.ts";
import type { CgroupDriver, CgroupEntry, CgroupHost, CgroupRecord } from "../types.ts";
import { freeze, isFrozen, isFrozenAbove, thaw, thawTree } from "./freezer.ts";
import { CgroupFileError, type CgroupFs, errnoOfEntry, errnoOfStep, frozenAbove } from "../fs.ts";
import { HIERARCHIES, mountsByController, ownDirectory, SYSTEMD, UNIFIED } from "../path.ts";
import { processesBelow, removeTrees } from "../remove.ts";
import { applyResources } from "./apply.ts";

/**
 * How often moving a process is tried while the process is just starting (EINVAL), and the milliseconds in
 * between.
 */
const JOIN_TRIES = 5, JOIN_PAUSE = 30;

/** How a driver handles failures. */
export interface V1Options {
  /** Permission errors are ignored as long as no limit is asked for: rootless without a path of its own. */
  tolerant: boolean;
  /** Failures to write the device list are ignored: rootless. */
  rootless: boolean;
  /** The container's first process enters some directories before all are made, by systemd. */
  entered?: boolean;
}

/**
 * The place of a container's directories.
 *
 * @param inner Cleaned `cgroupsPath`, or the container's id. An absolute one lies below the mount point, a
 * relative one below the runtime's own cgroup, as in a container without a cgroup namespace of its own.
 * @throws {RuntimeError} when the devices controller, without which nothing confines the container, is not
 * mounted; and for the root of the hierarchies, which belongs to the host.
 */
export function planV1(host: CgroupHost, inner: string): CgroupRecord {
  if (inner === "/") {
    throw new RuntimeError(
      "EINVAL_CGROUPS_PATH",
      'invalid cgroupsPath "/": a container cannot be in the root cgroup',
    );
  }
  const paths: Record<string, string> = {};
  const mounts = mountsByController(host.mounts);
  for (const name of HIERARCHIES) {
    const mount = mounts[name];
    if (mount === undefined) continue;
    const base = inner.startsWith("/")
      ? mount.mountpoint
      : ownDirectory(mount, host.own().get(name) ?? "/") + "/";
    paths[name] = base + inner;
  }
  if (paths.devices === undefined) {
    throw new RuntimeError("ENODEV_CGROUPS", "mountpoint for devices not found");
  }
  return { driver: "cgroupfs-v1", paths };
}

/** The driver of cgroup v1 and hybrid hosts. */
export class CgroupV1 implements CgroupDriver {
  #record: CgroupRecord;
  readonly #fs: CgroupFs;
  readonly #options: V1Options;

  constructor(fs: CgroupFs, record: CgroupRecord, options: V1Options) {
    this.#fs = fs;
    this.#record = record;
    this.#options = options;
  }

  get record(): Readonly<CgroupRecord> {
    return this.#record;
  }

  create(resources?: LinuxResources): CgroupRecord {
    const made: string[] = [];
    try {
      for (const [name, dir] of this.#directories()) this.#createOne(name, dir, made);
      this.#refuseFrozenAbove();
      this.#prepare(resources);
      return this.#record;
    } catch (error) {
      for (const dir of made.reverse()) this.#fs.rmdir(dir);
      // An existing cgroup belongs to something else, so it must not be removed as this container's.
      this.#record = { ...this.#record, paths: {} };
      throw error;
    }
  }

  entry(): CgroupEntry {
    const v1 = this.#directories().filter(([name]) => name !== UNIFIED);
    return { tasks: v1.map(([, dir]) => `${dir}/tasks`), cloneInto: this.record.paths[UNIFIED] ?? null };
  }

  join(pid: number): void {
    for (const [name, dir] of this.#directories()) {
      const errno = this.#move(pid, dir);
      if (errno === 0) continue;
      if (!this.#mayMiss(name, errno)) {
        throw new CgroupFileError("write", `${dir}/cgroup.procs`, errno, String(pid));
      }
      this.#forget(dir);
    }
  }

  set(resources: LinuxResources | undefined): void {
    if (resources?.unified !== undefined && Object.keys(resources.unified).length > 0) {
      throw new RuntimeError("ENOTSUP_UNIFIED", "invalid configuration: cannot use unified on cgroup v1");
    }
    this.#setDevices(resources?.devices);
    if (resources !== undefined) applyResources(this.#fs, this.record.paths, resources, "all");
  }

  pids(): number[] {
    const { paths } = this.record;
    const dir = paths.devices ?? Object.values(paths)[0];
    return dir === undefined ? [] : processesBelow(this.#fs, dir);
  }

  freeze(longest?: number): void {
    freeze(this.#fs, this.#freezer(), longest);
  }

  thaw(): void {
    thaw(this.#fs, this.#freezer());
  }

  thawKilled(): void {
    const dir = this.record.paths.freezer;
    if (dir !== undefined) thawTree(this.#fs, dir);
  }

  hasten(): void {
    this.thawKilled();
    const { cpu } = this.record.paths;
    if (cpu !== undefined) errnoOfStep(() => this.#fs.write(cpu, "cpu.cfs_quota_us", "-1"));
  }

  frozen(): boolean {
    const dir = this.record.paths.freezer;
    return dir !== undefined && isFrozen(this.#fs, dir);
  }

  destroy(): void {
    removeTrees(this.#fs, this.#directories().map(([, dir]) => dir));
  }

  /** Each directory once, with the first of the controllers that share it. */
  #directories(): [string, string][] {
    const found: [string, string][] = [];
    const seen: Record<string, true> = {};
    const { paths } = this.record;
    for (const name in paths) {
      const dir = paths[name];
      if (seen[dir]) continue;
      seen[dir] = true;
      found.push([name, dir]);
    }
    return found;
  }

  #createOne(name: string, dir: string, made: string[]): void {
    const errno = this.#makeTree(dir, made);
    if (errno === 0) return;
    if (errno !== EEXIST) {
      if (!this.#mayMiss(name, errno)) throw new CgroupFileError("mkdir", dir, errno);
      return this.#forget(dir);
    }
    const barred = this.#options.rootless ? errnoOfEntry(this.#fs, dir) : 0;
    if (barred !== 0) {
      if (!this.#mayMiss(name, barred)) throw new CgroupFileError("open", `${dir}/cgroup.procs`, barred);
      return this.#forget(dir);
    }
    if (name === "devices" && !this.#options.entered) this.#refuseOccupied();
    if (name === "freezer" && this.frozen()) {
      throw new RuntimeError("EBUSY_CGROUP", "container's cgroup unexpectedly frozen");
    }
  }

  /** Makes a directory with its parents. Returns mkdir(2)'s answer for the last one. */
  #makeTree(dir: string, made: string[]): number {
    let errno = this.#fs.mkdir(dir);
    if (errno === ENOENT) {
      const parent = parentOf(dir);
      const above = parent === "/" ? ENOENT : this.#makeTree(parent, made);
      if (above !== 0 && above !== EEXIST) return above;
      errno = this.#fs.mkdir(dir);
    }
    if (errno === 0) made.push(dir);
    return errno;
  }

  #refuseOccupied(): void {
    const count = this.pids().length;
    if (count > 0) {
      throw new RuntimeError(
        "ENOTEMPTY_CGROUP",
        `container's cgroup is not empty: ${count} process(es) found`,
      );
    }
  }

  #refuseFrozenAbove(): void {
    const dir = this.record.paths.freezer;
    if (dir !== undefined && isFrozenAbove(this.#fs, dir)) throw frozenAbove(dir);
  }

  /**
   * Prepares the new directories. A new cpuset has no CPUs and no memory nodes, and takes no task until it
   * has: those that are asked for, or those of its parent. Parents come first, because a child is a subset of
   * its parent.
   */
  #prepare(resources: LinuxResources | undefined): void {
    const dir = this.record.paths.cpuset;
    const files = dir === undefined ? [] : ["cpuset.cpus", "cpuset.mems"];
    for (const file of files) this.#inherited(parentOf(dir!), file);
    if (resources !== undefined) applyResources(this.#fs, this.record.paths, resources, "beforeJoin");
    for (const file of files) this.#inherited(dir!, file);
  }

  /** The content of a cpuset's file, copied from the nearest parent that has one where it was empty. */
  #inherited(dir: string, file: string): string {
    const own = this.#fs.read(dir, file).trim();
    if (own !== "") return own;
    const value = this.#inherited(parentOf(dir), file);
    this.#fs.write(dir, file, value);
    return value;
  }

  #setDevices(rules: LinuxResources["devices"]): void {
    const dir = this.record.paths.devices;
    if (dir === undefined) return;
    try {
      setDevices(this.#fs, dir, rules);
    } catch (error) {
      // Without privileges on the host this is refused. The kernel confines the container's devices by other
      // means.
      if (!(this.#options.rootless && error instanceof CgroupFileError)) throw error;
    }
  }

  /** Writes a pid to cgroup.procs. Returns 0 or the errno. */
  #move(pid: number, dir: string): number {
    for (let attempt = 1;; attempt++) {
      const errno = errnoOfStep(() => this.#fs.write(dir, "cgroup.procs", String(pid)));
      if (errno !== EINVAL || attempt === JOIN_TRIES) return errno;
      this.#fs.pause(JOIN_PAUSE);
    }
  }

  /** Whether the container can do without this hierarchy. {@linkcode set} refuses a limit of it later. */
  #mayMiss(name: string, errno: number): boolean {
    const denied = errno === EPERM || errno === EACCES || errno === EROFS;
    const bare = name === SYSTEMD || name === UNIFIED;
    return bare ? denied || errno === ENOENT : denied && this.#options.tolerant;
  }

  #forget(dir: string): void {
    const left = Object.entries(this.#record.paths).filter(([, path]) => path !== dir);
    this.#record = { ...this.#record, paths: Object.fromEntries(left) };
  }

  #freezer(): string {
    const dir = this.record.paths.freezer;
    if (dir === undefined) {
      throw new RuntimeError("ENOENT_CGROUP", "cannot toggle freezer: cgroups not configured for container");
    }
    return dir;
  }
}

function parentOf(dir: string): string {
  return dir.slice(0, dir.lastIndexOf("/")) || "/";
}
