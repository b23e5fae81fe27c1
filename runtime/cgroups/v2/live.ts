/**
 * The live side of the v2 driver.
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { attachDevices } from "./device_attach.ts";
import { deviceProgram } from "./device_bpf.ts";
import { deviceList } from "../device_rules.ts";
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { changeAll } from "../journal.ts";
import type { LiveCgroup, OomWatch } from "../types.ts";
import { watchOom } from "./oom.ts";
import { UNIFIED } from "../path.ts";
import type { CgroupStats } from "../stats.ts";
import { readStats } from "./stats.ts";
import { applyUnified } from "./apply.ts";

/** See {@linkcode LiveCgroup}. */
export class LiveV2 implements LiveCgroup {
  /** @param paths The one directory, by the name `unified`. */
  constructor(
    kernel: () => LocalKernel,
    private readonly paths: Readonly<Record<string, string>>,
    private readonly fs: CgroupFs = new HostCgroupFs(),
    private readonly attach: (dir: string, program: Uint8Array) => void = (on, program) =>
      attachDevices(kernel(), on, program),
  ) {}

  update(resources: LinuxResources): void {
    const { devices, ...limits } = resources;
    changeAll(this.fs, (fs) => {
      applyUnified(fs, this.paths, limits);
      // This comes last, because it cannot be undone.
      if (devices !== undefined) this.attach(this.#dir(), deviceProgram(deviceList(devices)));
    });
  }

  stats(): CgroupStats {
    return readStats(this.fs, this.#dir());
  }

  watchOom(k: LocalKernel): OomWatch {
    return watchOom(k, this.fs, this.#dir());
  }

  #dir(): string {
    const dir = this.paths[UNIFIED];
    if (dir === undefined) throw new RuntimeError("ENOENT_CGROUP", "the container has no cgroup");
    return dir;
  }
}
