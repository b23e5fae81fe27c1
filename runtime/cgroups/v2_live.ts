/**
 * The live side of the v2 driver.
 * @module
 */
import type { LinuxResources } from "../../spec/types.ts";
import { RuntimeError } from "../errors.ts";
import { applyRows } from "./apply.ts";
import type { CgroupFs } from "./fs.ts";
import { HostCgroupFs } from "./host_fs.ts";
import { HUGEPAGES_DIRECTORY, pageSizeNames } from "./hugetlb.ts";
import { changeAll } from "./journal.ts";
import type { LiveCgroup, OomWatch } from "./live.ts";
import { watchOom } from "./oom_v2.ts";
import { UNIFIED } from "./path.ts";
import type { CgroupStats } from "./stats.ts";
import { readStats } from "./stats_v2.ts";
import { rowsV2 } from "./v2_resources.ts";

/** See {@linkcode LiveCgroup}. */
export class LiveV2 implements LiveCgroup {
  /** @param paths The one directory, by the name `unified`. */
  constructor(
    private readonly paths: Readonly<Record<string, string>>,
    private readonly fs: CgroupFs = new HostCgroupFs(),
  ) {}

  update(resources: LinuxResources): void {
    const rows = rowsV2(resources, {
      pageSizes: () => pageSizeNames(this.fs.list(HUGEPAGES_DIRECTORY)),
      exists: (file) => this.paths[UNIFIED] !== undefined && this.fs.exists(this.paths[UNIFIED], file),
    });
    changeAll(this.fs, (fs) => applyRows(fs, this.paths, resources, rows, "all"));
  }

  stats(): CgroupStats {
    return readStats(this.fs, this.#dir());
  }

  watchOom(): OomWatch {
    return watchOom(this.fs, this.#dir());
  }

  #dir(): string {
    const dir = this.paths[UNIFIED];
    if (dir === undefined) throw new RuntimeError("the container has no cgroup");
    return dir;
  }
}
