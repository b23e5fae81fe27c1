/**
 * The live side of the v1 driver.
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { changeAll } from "../journal.ts";
import type { LiveCgroup, OomWatch } from "../types.ts";
import { watchOom } from "./oom.ts";
import type { CgroupStats } from "../stats.ts";
import { readStats } from "./stats.ts";
import { applyResources } from "./apply.ts";

/** See {@linkcode LiveCgroup}. */
export class LiveV1 implements LiveCgroup {
  /** @param paths Directories by controller. */
  constructor(
    private readonly paths: Readonly<Record<string, string>>,
    private readonly fs: CgroupFs = new HostCgroupFs(),
  ) {}

  update(resources: LinuxResources): void {
    if (Object.keys(resources.unified ?? {}).length > 0) {
      throw new RuntimeError("ENOTSUP_UNIFIED", "invalid configuration: cannot use unified on cgroup v1");
    }
    changeAll(this.fs, (fs) => {
      applyResources(fs, this.paths, resources, "all");
      if (resources.memory?.disableOOMKiller === false) this.#enableOomKiller(fs);
    });
  }

  /** Enables the OOM killer, which is the default of a new cgroup: the table writes only other values. */
  #enableOomKiller(fs: CgroupFs): void {
    const dir = this.paths.memory;
    if (dir === undefined || !/^oom_kill_disable 1$/m.test(fs.read(dir, "memory.oom_control"))) return;
    fs.write(dir, "memory.oom_control", "0");
  }

  stats(): CgroupStats {
    return readStats(this.fs, this.paths);
  }

  watchOom(k: LocalKernel): OomWatch {
    const dir = this.paths.memory;
    if (dir === undefined) {
      throw new RuntimeError("ENOENT_OOM_EVENTS", "cannot watch for OOM events: memory controller missing");
    }
    return watchOom(k, this.fs, dir);
  }
}
