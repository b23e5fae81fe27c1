/**
 * The live side of the v1 driver.
 * @module
 */
import type { LinuxResources } from "../../spec/types.ts";
import { reasonOf, RuntimeError } from "../errors.ts";
import type { CgroupFs } from "./fs.ts";
import { HostCgroupFs } from "./host_fs.ts";
import { Journal } from "./journal.ts";
import type { LiveCgroup, OomWatch } from "./live.ts";
import { watchOom } from "./oom_v1.ts";
import type { CgroupStats } from "./stats.ts";
import { readStats } from "./stats_v1.ts";
import { applyResources } from "./v1_apply.ts";

/** See {@linkcode LiveCgroup}. */
export class LiveV1 implements LiveCgroup {
  /** @param paths Directories by controller. */
  constructor(
    private readonly paths: Readonly<Record<string, string>>,
    private readonly fs: CgroupFs = new HostCgroupFs(),
  ) {}

  update(resources: LinuxResources): void {
    if (Object.keys(resources.unified ?? {}).length > 0) {
      throw new RuntimeError("invalid configuration: cannot use unified on cgroup v1");
    }
    const journal = new Journal(this.fs);
    try {
      applyResources(journal, this.paths, resources, "all");
    } catch (error) {
      const left = journal.undo();
      if (left.length === 0) throw error;
      const reasons = left.map((failure) => failure.message).join("; ");
      throw new RuntimeError(`${reasonOf(error)}; and setting back failed: ${reasons}`);
    }
  }

  stats(): CgroupStats {
    return readStats(this.fs, this.paths);
  }

  watchOom(): OomWatch {
    const dir = this.paths.memory;
    if (dir === undefined) throw new RuntimeError("cannot watch for OOM events: memory controller missing");
    return watchOom(this.fs, dir);
  }
}
