/**
 * The drivers of cgroups that systemd makes: it owns the tree, and a container is a unit in it.
 *
 *     tsrun ──StartTransientUnit(PIDs: the stage)──> systemd: makes slices and the scope, moves the stage into it
 *           <──────────JobRemoved: done─────────────
 *     the stage clones the init, which is born in the scope
 *     tsrun ──SetUnitProperties: limits──> systemd
 *           ──limits that systemd does not know──> files
 *
 * The scope is delegated: what is below it, and the files of controllers that systemd does not know, are ours. All that
 * later commands ask of a cgroup (pids, freezing, statistics) is asked of the files, without systemd, by the driver of the
 * file system that this one has inside.
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

/** There while systemd is process 1: sd_booted(3). */
const BOOTED = "/run/systemd/system";

/** Opens a conversation. */
export type Connect = () => Systemd;

/**
 * Where systemd will put a container.
 *
 * @throws {RuntimeError} where systemd does not run, for a path of another form, and where a user's systemd is asked for
 * its place and does not answer.
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

/** The driver of a container that exists. Talks to systemd only when limits are set, or the unit is to go. */
export function openSystemd(kernel: () => LocalKernel, record: CgroupRecord): CgroupDriver {
  const connect = () => SystemdManager.connect(kernel(), record.bus ?? "system", callerUid());
  const place = { unit: record.unit ?? "", slice: record.slice ?? "", name: "" };
  const fs = new HostCgroupFs();
  return new SystemdCgroup({ kernel, fs, record, mountpoint: CGROUP_ROOT, connect, place, properties: [] });
}

/** What a driver is made of. */
export interface SystemdOptions {
  /** Asked for when a device program is attached: bpf(2). */
  kernel: () => LocalKernel;
  fs: CgroupFs;
  record: CgroupRecord;
  /** Mount point of the v2 hierarchy, above which nothing is made. */
  mountpoint: string;
  connect: Connect;
  place: UnitPlace;
  /** Properties that the config asks for itself. */
  properties: readonly Property[];
  /** User to whom the cgroup is given, on v2. */
  owner?: number;
  /** Puts a device program onto a cgroup: bpf(2), but for tests. */
  attachDevices?: (dir: string, program: Uint8Array) => void;
}

/** The driver, of v1 and of v2. */
export class SystemdCgroup implements CgroupDriver {
  readonly #o: SystemdOptions;
  readonly #v2: boolean;
  readonly #files: CgroupDriver;
  #manager: Systemd | undefined;
  /** Whether a create has failed: there is nothing of the container's then. */
  #failed = false;

  constructor(o: SystemdOptions) {
    this.#o = o;
    this.#v2 = o.record.driver === "systemd-v2";
    const rootless = o.record.bus === "user";
    const options = { tolerant: false, rootless };
    this.#files = this.#v2
      ? new CgroupV2(o.fs, o.record, {
        ...options,
        mountpoint: o.mountpoint,
        attachDevices: o.attachDevices ?? ((dir, program) => attachDevices(o.kernel(), dir, program)),
      })
      : new CgroupV1(o.fs, o.record, { ...options, entered: true });
  }

  /** The files' driver knows which directories there are. */
  get record(): Readonly<CgroupRecord> {
    const { driver } = this.#o.record;
    return this.#failed ? { driver, paths: {} } : { ...this.#o.record, paths: this.#files.record.paths };
  }

  /** Has systemd make the unit, and then makes what systemd has not, which it would have removed before. */
  create(resources?: LinuxResources, stagePid?: number): CgroupRecord {
    const { unit } = this.#o.place;
    try {
      this.#refuseInUse();
      const manager = this.#systemd();
      const birth = this.#v2
        ? birthProperties(resources, () => manager.version())
        : deviceProperties(resources?.devices);
      const properties = [...this.#unitProperties(stagePid), ...this.#o.properties, ...birth];
      manager.startTransientUnit(unit, properties, isSlice(unit));
      if (this.#v2) this.#completePath();
      else this.#files.create(resources);
      return this.record;
    } catch (error) {
      // The record may be somebody else's. A scope that was made ends with the stage, and what the files' driver has made
      // is gone.
      this.#failed = true;
      this.#hangUp();
      throw error;
    }
  }

  /** A process of the scope is there already; where there is none, or on v1, it is entered by files as well. */
  entry(): CgroupEntry {
    const entry = this.#files.entry();
    if (isSlice(this.#o.place.unit)) return entry;
    if (this.#v2) return { tasks: [], cloneInto: null };
    const own = this.record.paths[SYSTEMD];
    return { ...entry, tasks: entry.tasks.filter((file) => file !== `${own}/tasks`) };
  }

  join(pid: number): void {
    this.#files.join(pid);
  }

  /** Tells systemd what it has properties for, then writes all that is a file. */
  set(resources: LinuxResources | undefined): void {
    const { unit } = this.#o.place;
    try {
      const manager = this.#systemd();
      const version = () => manager.version();
      const limits = resources ?? {};
      const properties = this.#v2 ? propertiesV2(limits, version) : propertiesV1(limits, version);
      manager.setProperties(unit, properties);
      if (!this.#v2) this.#rejoin();
    } finally {
      // Nothing is asked of systemd for the rest of the container's life; a connection would fill up with its news.
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
   * Stops the unit and has systemd forget it, then removes what systemd did not make. What counts is that the cgroups are
   * gone: a scope without processes ends by itself, so that a systemd that does not answer is no reason to fail.
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
    return this.#manager ??= this.#o.connect();
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

  /** systemd hands down the controllers that it knows; here the others follow. */
  #completePath(): void {
    const { unit } = this.#o.place;
    const dir = this.record.paths[UNIFIED], made: string[] = [];
    makePath(this.#o.fs, this.#o.mountpoint, dir, made);
    if (!made.includes(dir)) return this.#giveAway(dir);
    for (const one of made.reverse()) this.#o.fs.rmdir(one);
    throw new RuntimeError(
      "EIO_SYSTEMD",
      `systemd has made unit ${JSON.stringify(unit)}, but its cgroup is not ${dir}`,
    );
  }

  #giveAway(dir: string): void {
    const { owner } = this.#o;
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
   * Moves back what systemd has moved out: on v1 it puts the processes of a unit that begins to need a controller into the
   * slice's directory of that controller (seen of systemd 252 and the devices controller, which is why the devices are
   * among the properties that a unit is made with).
   */
  #rejoin(): void {
    const own = this.record.paths[SYSTEMD];
    if (own === undefined) return;
    const confined = this.pids();
    for (const pid of processesBelow(this.#o.fs, own)) if (!confined.includes(pid)) this.#files.join(pid);
  }

  /** What every container's unit is like: the same as with runc, and in its words where tools look for them. */
  #unitProperties(stagePid: number | undefined): Property[] {
    const { unit, slice, name } = this.#o.place;
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
