/**
 * cgroup v2, by files: one directory for everything.
 * @module
 */
import { EACCES, EINVAL, EPERM, EROFS } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { attachDevices } from "./device_attach.ts";
import { deviceProgram } from "./device_bpf.ts";
import { deviceList } from "../device_rules.ts";
import type { CgroupDriver, CgroupEntry, CgroupHost, CgroupRecord } from "../types.ts";
import { freeze, isFrozen, isFrozenAbove, thaw } from "./freezer.ts";
import { CgroupFileError, type CgroupFs, errnoOfEntry, errnoOfStep, frozenAbove } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { CGROUP_ROOT, type CgroupMount, mountsByController, UNIFIED } from "../path.ts";
import { processesBelow, removeTrees } from "../remove.ts";
import { applyUnified } from "./apply.ts";
import { makePath, settleType } from "./tree.ts";

/**
 * How often moving a process is tried while the process is just starting (EINVAL), and the milliseconds in
 * between.
 */
const JOIN_TRIES = 5, JOIN_PAUSE = 30;

/** How a driver handles failures, and its acts other than files. */
export interface V2Options {
  /** Permission errors are ignored as long as no limit is asked for: rootless without a path of its own. */
  tolerant: boolean;
  /** Failures to attach the device program are ignored: rootless. */
  rootless: boolean;
  /** Mount point of the hierarchy, above which nothing is made. */
  mountpoint: string;
  /**
   * Attaches a device program to a cgroup, see {@linkcode ./device_attach.ts attachDevices}. @throws
   * {RuntimeError}
   */
  attachDevices(dir: string, program: Uint8Array): void;
}

/**
 * The place of a container's directory.
 *
 * @param inner Cleaned `cgroupsPath`, or the container's id. An absolute one lies below the mount point, a
 * relative one beside the runtime's own cgroup, which has processes and so cannot hand controllers down.
 * @throws {RuntimeError} when there is no v2 hierarchy, and for its root, which belongs to the host.
 */
export function planV2(host: CgroupHost, inner: string): CgroupRecord {
  const mount = unifiedMount(host);
  if (inner === "/") {
    throw new RuntimeError(
      "EINVAL_CGROUPS_PATH",
      'invalid cgroupsPath "/": a container cannot be in the root cgroup',
    );
  }
  return { driver: "cgroupfs-v2", paths: { [UNIFIED]: mount.mountpoint + placeOf(host, mount.root, inner) } };
}

/** The v2 hierarchy: at its usual place, or else anywhere. */
function unifiedMount({ mounts }: CgroupHost): CgroupMount {
  const mount = mountsByController(mounts)[UNIFIED];
  if (mount === undefined) throw new RuntimeError("ENODEV_CGROUPS", "no cgroup2 mount found in mountinfo");
  return mount;
}

/** Options of a driver for this host. It attaches device programs by system calls. */
export function unifiedOptions(
  kernel: () => LocalKernel,
  failures: Pick<V2Options, "tolerant" | "rootless">,
): Pick<V2Options, "tolerant" | "rootless" | "attachDevices"> {
  return { ...failures, attachDevices: (dir, program) => attachDevices(kernel(), dir, program) };
}

/** The driver for a request: see {@linkcode planCgroup}. */
export function planUnified(
  host: CgroupHost,
  inner: string,
  options: Pick<V2Options, "tolerant" | "rootless" | "attachDevices">,
): CgroupV2 {
  const { mountpoint } = unifiedMount(host);
  return new CgroupV2(host.fs, planV2(host, inner), { ...options, mountpoint });
}

/** The driver of an existing container. */
export function openUnified(
  record: CgroupRecord,
  options: Pick<V2Options, "tolerant" | "rootless" | "attachDevices">,
): CgroupV2 {
  return new CgroupV2(new HostCgroupFs(), record, { ...options, mountpoint: CGROUP_ROOT });
}

function placeOf(host: CgroupHost, root: string, inner: string): string {
  if (inner.startsWith("/")) return inner;
  const own = host.own().get(UNIFIED) ?? "/";
  // Where the mount shows a part of the hierarchy, the runtime's path counts from that part.
  const shown = root !== "/" && (own === root || own.startsWith(`${root}/`)) ? own.slice(root.length) : own;
  // A runtime outside of its own cgroup namespace (`/../x`) has no visible parent.
  const parent = shown.startsWith("/..") ? "" : shown.slice(0, shown.lastIndexOf("/"));
  return `${parent}/${inner}`;
}

/** The driver of cgroup v2 hosts. */
export class CgroupV2 implements CgroupDriver {
  #record: CgroupRecord;
  readonly #fs: CgroupFs;
  readonly #options: V2Options;

  constructor(fs: CgroupFs, record: CgroupRecord, options: V2Options) {
    this.#fs = fs;
    this.#record = record;
    this.#options = options;
  }

  get record(): Readonly<CgroupRecord> {
    return this.#record;
  }

  create(resources?: LinuxResources): CgroupRecord {
    const made: string[] = [];
    const dir = this.#dir();
    if (dir === undefined) return this.#record;
    try {
      makePath(this.#fs, this.#options.mountpoint, dir, made);
      if (!made.includes(dir)) this.#takeOver(dir);
      if (isFrozenAbove(this.#fs, dir)) throw frozenAbove(dir);
      settleType(this.#fs, dir, resources);
    } catch (error) {
      for (const one of made.reverse()) this.#fs.rmdir(one);
      // An existing cgroup belongs to something else, so it must not be removed as this container's.
      const { [UNIFIED]: _, ...paths } = this.#record.paths;
      this.#record = { ...this.#record, paths };
      if (!this.#mayMiss(error)) throw error;
    }
    return this.#record;
  }

  /** The init is cloned into its cgroup, and limits are set later, so it writes no file. */
  entry(): CgroupEntry {
    return { tasks: [], cloneInto: this.#dir() ?? null };
  }

  join(pid: number): void {
    const dir = this.#dir();
    if (dir === undefined) return;
    for (let attempt = 1;; attempt++) {
      const errno = errnoOfStep(() => this.#fs.write(dir, "cgroup.procs", String(pid)));
      if (errno === 0) return;
      if (errno !== EINVAL || attempt === JOIN_TRIES) {
        throw new CgroupFileError("write", `${dir}/cgroup.procs`, errno, String(pid));
      }
      this.#fs.pause(JOIN_PAUSE);
    }
  }

  set(resources: LinuxResources | undefined): void {
    const dir = this.#dir();
    if (dir !== undefined) this.#setDevices(dir, resources?.devices);
    if (resources === undefined) return;
    applyUnified(this.#fs, this.record.paths, resources);
  }

  pids(): number[] {
    const dir = this.#dir();
    return dir === undefined ? [] : processesBelow(this.#fs, dir);
  }

  freeze(longest?: number): void {
    freeze(this.#fs, this.#freezer(), longest);
  }

  thaw(): void {
    thaw(this.#fs, this.#freezer());
  }

  /** On v2 a frozen process ends anyway. The cgroup must not stay frozen for later processes. */
  thawKilled(): void {
    if (this.frozen()) this.thaw();
  }

  hasten(): void {
    this.thawKilled();
    const dir = this.#dir();
    if (dir !== undefined) errnoOfStep(() => this.#fs.write(dir, "cpu.max", "max"));
  }

  /** Kills by `cgroup.kill` (Linux 5.14), which no fork can outrun. A threaded cgroup has no such file. */
  kill(): boolean {
    const dir = this.#dir();
    if (dir === undefined) return false;
    const errno = errnoOfStep(() => this.#fs.write(dir, "cgroup.kill", "1"));
    return errno === 0;
  }

  frozen(): boolean {
    const dir = this.#dir();
    return dir !== undefined && isFrozen(this.#fs, dir);
  }

  destroy(): void {
    const dir = this.#dir();
    if (dir !== undefined) removeTrees(this.#fs, [dir]);
  }

  #dir(): string | undefined {
    return this.record.paths[UNIFIED];
  }

  /** An existing directory has to be empty, and usable by the runtime. */
  #takeOver(dir: string): void {
    const barred = this.#options.rootless ? errnoOfEntry(this.#fs, dir) : 0;
    if (barred !== 0) throw new CgroupFileError("open", `${dir}/cgroup.procs`, barred);
    const count = this.pids().length;
    if (count > 0) {
      throw new RuntimeError(
        "ENOTEMPTY_CGROUP",
        `container's cgroup is not empty: ${count} process(es) found`,
      );
    }
    if (isFrozen(this.#fs, dir)) {
      throw new RuntimeError("EBUSY_CGROUP", "container's cgroup unexpectedly frozen");
    }
  }

  #setDevices(dir: string, rules: LinuxResources["devices"]): void {
    const list = deviceList(rules);
    try {
      this.#options.attachDevices(dir, deviceProgram(list));
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      // Without privileges on the host this is refused; the kernel confines the container's devices by other
      // means. Where all devices are allowed, nothing is lost.
      const open = list.defaultAllow && list.exceptions.length === 0;
      if (!this.#options.rootless && !open) throw error;
    }
  }

  /** Whether the container can do without a cgroup. {@linkcode set} refuses a limit of it later. */
  #mayMiss(error: unknown): boolean {
    if (!this.#options.tolerant || !(error instanceof CgroupFileError)) return false;
    return [EPERM, EACCES, EROFS].includes(error.errno);
  }

  #freezer(): string {
    const dir = this.#dir();
    if (dir === undefined) {
      throw new RuntimeError("ENOENT_CGROUP", "cannot toggle freezer: cgroups not configured for container");
    }
    return dir;
  }
}
