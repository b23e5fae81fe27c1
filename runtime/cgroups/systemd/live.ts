/**
 * The live side of the drivers of systemd. Changes go to the unit and to the files; everything else uses the
 * files.
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupRecord, LiveCgroup, OomWatch } from "../types.ts";
import { freeze, isFrozen, thaw } from "../v1/freezer.ts";
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { UNIFIED } from "../path.ts";
import type { CgroupStats } from "../stats.ts";
import { isUnitGone, type Property, type Systemd, SystemdManager } from "./manager.ts";
import { propertiesV1, propertiesV2, roundQuota } from "./properties.ts";
import { LiveV1 } from "../v1/live.ts";
import { LiveV2 } from "../v2/live.ts";
import { rowsV2 } from "../v2/resources.ts";
import { callerUid } from "../../host/caller.ts";

/** The list of a container that may use every device. */
const ALL_DEVICES = "a *:* rwm";

/** See {@linkcode LiveCgroup}. */
export class LiveSystemd implements LiveCgroup {
  readonly #files: LiveCgroup;
  readonly #v2: boolean;

  constructor(
    kernel: () => LocalKernel,
    readonly record: CgroupRecord,
    readonly fs: CgroupFs = new HostCgroupFs(),
    readonly connect: () => Systemd = () =>
      SystemdManager.connect(kernel(), record.bus ?? "system", callerUid()),
  ) {
    this.#v2 = record.driver === "systemd-v2";
    this.#files = this.#v2 ? new LiveV2(kernel, record.paths, fs) : new LiveV1(record.paths, fs);
  }

  /**
   * Changes the unit's properties first, because systemd writes files whenever it wants. Where a file is
   * refused, the properties are restored.
   */
  update(resources: LinuxResources): void {
    const unit = this.record.unit;
    if (unit === undefined) throw new RuntimeError("ENOENT_CGROUP", "the container has no systemd unit");
    using manager = this.connect();
    const limits = roundQuota(resources);
    const version = () => manager.version();
    const wanted = this.#v2 ? propertiesV2(limits, version) : propertiesV1(limits, version);
    if (this.#v2) this.#checkUsage(limits);
    const old = manager.properties(unit, [...new Set(wanted.map(([name]) => name))]);
    this.#setProperties(manager, unit, wanted);
    try {
      this.#files.update(limits);
    } catch (error) {
      try {
        this.#setProperties(manager, unit, old);
      } catch (failure) {
        const why = isUnitGone(failure)
          ? "the container has ended meanwhile; a memory limit below what is in use has the kernel kill it"
          : `and setting back failed: ${reasonOf(failure)}`;
        throw new RuntimeError("EIO_CGROUP_RESTORE", `${reasonOf(error)}; ${why}`);
      }
      throw error;
    }
  }

  stats(): CgroupStats {
    return this.#files.stats();
  }

  watchOom(k: LocalKernel): OomWatch {
    return this.#files.watchOom(k);
  }

  /**
   * A limit below the current use kills the container, and systemd does not check. This makes the checks that
   * are asked for.
   */
  #checkUsage(resources: LinuxResources): void {
    const dir = this.record.paths[UNIFIED];
    if (!resources.memory?.checkBeforeUpdate || dir === undefined) return;
    const rows = rowsV2({ memory: resources.memory }, { pageSizes: () => [], exists: () => false });
    for (const row of rows) row.check?.(resources, (file) => this.fs.read(dir, file));
  }

  #setProperties(manager: Systemd, unit: string, properties: readonly Property[]): void {
    if (properties.length === 0) return;
    if (this.#v2) return manager.setProperties(unit, properties);
    const devices = this.#devices();
    // Where all devices are allowed but some, the forbidden ones can neither be read from the kernel nor told
    // to systemd. The unit is then left unchanged, and only the files are changed.
    if (devices === ALL_DEVICES && policyOf(manager, unit) !== "auto") return;
    this.#keepingDevices(devices, () => manager.setProperties(unit, properties));
  }

  /** The allowed devices, in the kernel's list. */
  #devices(): string {
    const dir = this.record.paths.devices;
    return dir === undefined ? "" : this.fs.read(dir, "devices.list").trim();
  }

  /**
   * On v1, systemd takes away all devices at every change of a unit, and allows those of its properties
   * again. No process may notice this, and devices that others have allowed since (device managers do) have
   * to be allowed again.
   */
  #keepingDevices(allowed: string, change: () => void): void {
    const { freezer, devices } = this.record.paths;
    const running = freezer !== undefined && !isFrozen(this.fs, freezer);
    if (running) freeze(this.fs, freezer);
    try {
      change();
      if (allowed !== "" && allowed !== ALL_DEVICES) {
        this.fs.write(devices, "devices.allow", allowed.split("\n"));
      }
    } finally {
      if (running) thaw(this.fs, freezer);
    }
  }
}

function policyOf(manager: Systemd, unit: string): unknown {
  return manager.properties(unit, ["DevicePolicy"])[0][1].value;
}
