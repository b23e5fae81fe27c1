/**
 * The drivers of cgroups that systemd makes. systemd owns the tree, and a container is a unit in it.
 *
 *     tsrun ──StartTransientUnit(PIDs: the stage)──> systemd: makes slices and scope, moves the stage there
 *           <──────────JobRemoved: done─────────────
 *     the stage clones the init, which is born in the scope
 *     tsrun ──SetUnitProperties: limits──> systemd
 *           ──limits that systemd does not know──> files
 *
 * The scope is delegated: everything below it, and the files of controllers that systemd does not know,
 * belong to tsrun. Later commands (pids, freezing, statistics) use the files without systemd, through the
 * driver by files that this one contains.
 *
 * Sources: systemd's documents "Control Group APIs and Delegation" and "New Control Group Interfaces";
 * org.freedesktop.systemd1(5).
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { delegate, ownerOf } from "../delegation.ts";
import { attachDevices } from "../v2/device_attach.ts";
import type { CgroupDriver, CgroupEntry, CgroupHost, CgroupRecord, CgroupRequest } from "../types.ts";
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { CGROUP_ROOT, isUnified, SYSTEMD, UNIFIED } from "../path.ts";
import { annotatedProperties } from "./annotations.ts";
import { deviceProperties } from "./devices.ts";
import { type Property, type Systemd, SystemdManager } from "./manager.ts";
import { birthProperties, propertiesV1, propertiesV2, roundQuota } from "./properties.ts";
import { processesBelow } from "../remove.ts";
import { isSlice, placeOf, unitPath, type UnitPlace } from "./unit.ts";
import { CgroupV1, planV1 } from "../v1/driver.ts";
import { CgroupV2, planV2 } from "../v2/driver.ts";
import { makePath } from "../v2/tree.ts";
import { callerUid } from "../../host/caller.ts";
import { isRealDirectory } from "../../host/files.ts";

/** This directory exists while systemd is process 1: sd_booted(3). */
export const BOOTED = "/run/systemd/system";

/** Opens a conversation. */
export type Connect = () => Systemd;

/**
 * Plans the place of a container.
 *
 * @throws {RuntimeError} where systemd does not run, for a path of another form, and where a user's systemd
 * is asked for its place and does not answer.
 */
export function planSystemd(
  kernel: () => LocalKernel,
  { id, cgroupsPath, rootless, spec }: CgroupRequest,
  host: CgroupHost,
): CgroupDriver {
  if (!isRealDirectory(BOOTED)) {
    throw new RuntimeError(
      "ENOTSUP_SYSTEMD",
      "systemd not running on this host, cannot use systemd cgroups manager",
    );
  }
  const v2 = isUnified(host.mounts);
  if (rootless && !v2) {
    throw new RuntimeError("ENOTSUP_SYSTEMD", "cannot use rootless systemd cgroups manager on cgroup v1");
  }
  const place = placeOf(id, cgroupsPath, rootless);
  const bus = rootless ? "user" : "system";
  const connect = () => SystemdManager.connect(kernel(), bus, callerUid());
  let top = "";
  if (rootless) {
    using manager = connect();
    top = manager.controlGroup();
  }
  const inner = top + unitPath(place);
  const { paths } = v2 ? planV2(host, inner) : planV1(host, inner);
  const { unit, slice } = place;
  const record: CgroupRecord = { driver: v2 ? "systemd-v2" : "systemd-v1", paths, unit, slice, bus };
  const mountpoint = v2 ? paths[UNIFIED].slice(0, -inner.length) : CGROUP_ROOT;
  const properties = annotatedProperties(spec?.annotations ?? {});
  const owner = v2 && spec !== undefined ? ownerOf(spec) : undefined;
  return new SystemdCgroup({ kernel, fs: host.fs, record, mountpoint, connect, place, properties, owner });
}

/** The driver of an existing container. It talks to systemd only to set limits and to remove the unit. */
export function openSystemd(kernel: () => LocalKernel, record: CgroupRecord): CgroupDriver {
  const connect = () => SystemdManager.connect(kernel(), record.bus ?? "system", callerUid());
  const place = { unit: record.unit ?? "", slice: record.slice ?? "", name: "" };
  const fs = new HostCgroupFs();
  return new SystemdCgroup({ kernel, fs, record, mountpoint: CGROUP_ROOT, connect, place, properties: [] });
}

/** The parts of a driver. */
export interface SystemdOptions {
  /** Called when a device program is attached: bpf(2). */
  kernel: () => LocalKernel;
  fs: CgroupFs;
  record: CgroupRecord;
  /** Mount point of the v2 hierarchy, above which nothing is made. */
  mountpoint: string;
  connect: Connect;
  place: UnitPlace;
  /** Properties that the config itself asks for. */
  properties: readonly Property[];
  /** The user who gets the cgroup, on v2. */
  owner?: number;
  /** Attaches a device program to a cgroup: bpf(2), except in tests. */
  attachDevices?: (dir: string, program: Uint8Array) => void;
}

/** The driver, of v1 and of v2. */
export class SystemdCgroup implements CgroupDriver {
  readonly #options: SystemdOptions;
  readonly #v2: boolean;
  readonly #files: CgroupDriver;
  #manager: Systemd | undefined;
  /** Whether a create has failed. The container has no cgroups then. */
  #failed = false;

  constructor(options: SystemdOptions) {
    this.#options = options;
    this.#v2 = options.record.driver === "systemd-v2";
    const rootless = options.record.bus === "user";
    const common = { tolerant: false, rootless };
    this.#files = this.#v2
      ? new CgroupV2(options.fs, options.record, {
        ...common,
        mountpoint: options.mountpoint,
        attachDevices: options.attachDevices ??
          ((dir, program) => attachDevices(options.kernel(), dir, program)),
      })
      : new CgroupV1(options.fs, options.record, { ...common, entered: true });
  }

  /** The directories in the record are those of the driver of the files. */
  get record(): Readonly<CgroupRecord> {
    const { driver } = this.#options.record;
    return this.#failed
      ? { driver, paths: {} }
      : { ...this.#options.record, paths: this.#files.record.paths };
  }

  /**
   * Makes systemd create the unit, and then makes the directories that systemd does not know; systemd would
   * have removed earlier ones.
   */
  create(resources?: LinuxResources, stagePid?: number): CgroupRecord {
    const { unit } = this.#options.place;
    try {
      this.#refuseInUse();
      const manager = this.#systemd();
      const birth = this.#v2
        ? birthProperties(resources, () => manager.version())
        : deviceProperties(resources?.devices);
      const properties = [...this.#unitProperties(stagePid), ...this.#options.properties, ...birth];
      manager.startTransientUnit(unit, properties, isSlice(unit));
      if (this.#v2) this.#completePath();
      else this.#files.create(resources);
      return this.record;
    } catch (error) {
      // The record may name a cgroup of another program. A scope that was made ends with the stage, and the
      // driver of the files has removed what it made.
      this.#failed = true;
      this.#hangUp();
      throw error;
    }
  }

  /**
   * A process of the scope is in it already. Where there is none, and on v1, the init also enters by files.
   */
  entry(): CgroupEntry {
    const entry = this.#files.entry();
    if (isSlice(this.#options.place.unit)) return entry;
    if (this.#v2) return { tasks: [], cloneInto: null };
    const own = this.record.paths[SYSTEMD];
    return { ...entry, tasks: entry.tasks.filter((file) => file !== `${own}/tasks`) };
  }

  join(pid: number): void {
    this.#files.join(pid);
  }

  /** Sets the properties that systemd has, and then writes all files. */
  set(resources: LinuxResources | undefined): void {
    const { unit } = this.#options.place;
    try {
      const manager = this.#systemd();
      const version = () => manager.version();
      const limits = resources ?? {};
      const properties = this.#v2 ? propertiesV2(limits, version) : propertiesV1(limits, version);
      manager.setProperties(unit, properties);
      if (!this.#v2) this.#rejoin();
    } finally {
      // The rest of the container's life needs no systemd. An open connection would fill up with its signals.
      this.#hangUp();
    }
    this.#files.set(resources && roundQuota(resources));
  }

  pids(): number[] {
    return this.#files.pids();
  }

  kill(): boolean {
    return this.#files.kill?.() ?? false;
  }

  freeze(longest?: number): void {
    this.#files.freeze(longest);
  }

  thaw(): void {
    this.#files.thaw();
  }

  thawKilled(): void {
    this.#files.thawKilled();
  }

  hasten(): void {
    this.#files.hasten();
  }

  frozen(): boolean {
    return this.#files.frozen();
  }

  /**
   * Stops the unit and makes systemd forget it, then removes the directories that systemd did not make. A
   * scope without processes ends by itself, so a systemd that does not answer is no failure once the cgroups
   * are gone.
   */
  destroy(): void {
    if (this.#failed) return;
    const { unit } = this.record;
    if (unit !== undefined && unit !== "") {
      try {
        this.#systemd().stopUnit(unit);
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
      } finally {
        this.#hangUp();
      }
    }
    this.#files.destroy();
  }

  #systemd(): Systemd {
    return this.#manager ??= this.#options.connect();
  }

  #hangUp(): void {
    this.#manager?.[Symbol.dispose]();
    this.#manager = undefined;
  }

  #refuseInUse(): void {
    const count = this.pids().length;
    if (count > 0) {
      throw new RuntimeError(
        "ENOTEMPTY_CGROUP",
        `container's cgroup is not empty: ${count} process(es) found`,
      );
    }
    if (this.frozen()) throw new RuntimeError("EBUSY_CGROUP", "container's cgroup unexpectedly frozen");
  }

  /** systemd hands down the controllers that it knows; this hands down the others. */
  #completePath(): void {
    const { unit } = this.#options.place;
    const dir = this.record.paths[UNIFIED], made: string[] = [];
    makePath(this.#options.fs, this.#options.mountpoint, dir, made);
    if (!made.includes(dir)) return this.#giveAway(dir);
    for (const one of made.reverse()) this.#options.fs.rmdir(one);
    throw new RuntimeError(
      "EIO_SYSTEMD",
      `systemd has made unit ${JSON.stringify(unit)}, but its cgroup is not ${dir}`,
    );
  }

  #giveAway(dir: string): void {
    const { owner } = this.#options;
    if (owner === undefined) return;
    try {
      delegate(dir, owner);
    } catch (error) {
      // A user's cgroups stay that user's, who cannot give them to another id of the container.
      if (this.record.bus === "user" && error instanceof Deno.errors.PermissionDenied) return;
      throw new RuntimeError("EIO_SYSTEMD", `give ${dir} to user ${owner}: ${reasonOf(error)}`);
    }
  }

  /**
   * Moves processes back that systemd has moved out. On v1 it moves the processes of a unit that begins to
   * need a controller into the slice's directory of that controller (seen with systemd 252 and the devices
   * controller, for which the unit is made with its devices).
   */
  #rejoin(): void {
    const own = this.record.paths[SYSTEMD];
    if (own === undefined) return;
    const confined = this.pids();
    for (const pid of processesBelow(this.#options.fs, own)) {
      if (!confined.includes(pid)) this.#files.join(pid);
    }
  }

  /** Properties of every container's unit. They are runc's, in its words where tools look for them. */
  #unitProperties(stagePid: number | undefined): Property[] {
    const { unit, slice, name } = this.#options.place;
    const text = (key: string, value: string): Property => [key, { signature: "s", value }];
    const on = (key: string): Property => [key, { signature: "b", value: true }];
    const properties: Property[] = [text("Description", `libcontainer container ${name}`)];
    if (isSlice(unit)) properties.push(["Wants", { signature: "as", value: [slice] }]);
    else {
      if (stagePid === undefined) {
        throw new RuntimeError("EIO_SYSTEMD", `unit ${unit} needs a process to begin with`);
      }
      properties.push(text("Slice", slice), on("Delegate"), ["PIDs", { signature: "au", value: [stagePid] }]);
    }
    properties.push(
      on("MemoryAccounting"),
      on("CPUAccounting"),
      on(this.#v2 ? "IOAccounting" : "BlockIOAccounting"),
      on("TasksAccounting"),
      ["DefaultDependencies", { signature: "b", value: false }],
    );
    return properties;
  }
}
