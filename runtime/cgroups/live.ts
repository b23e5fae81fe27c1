/**
 * What the cgroups of a running container are asked beyond what every container's life needs: changes, measurements,
 * notifications. Apart from {@linkcode ./driver.ts}, so that `create` does not pay for code that it does not run.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import type { LinuxResources } from "../../spec/types.ts";
import type { CgroupRecord } from "./driver.ts";
import type { CgroupStats } from "./stats.ts";

/** The cgroups of a running container; each driver has one implementation, `<version>_live.ts`. */
export interface LiveCgroup {
  /**
   * Changes limits, all of them or none: where one is refused, those before it get their old values back.
   *
   * @param resources All limits that are to be written. Device rules, where there are any, take the place of the old ones
   * in one step; v1 has no such step, and leaves them alone.
   * @throws {RuntimeError} naming the file, the value and the kernel's reason; and the file whose old value could not
   * be given back, if there is one.
   */
  update(resources: LinuxResources): void;

  /** Measures. @throws {RuntimeError} when the cgroup is gone or a file cannot be understood. */
  stats(): CgroupStats;

  /** Begins to listen for the kernel running out of the container's memory. @throws {RuntimeError} */
  watchOom(k: LocalKernel): OomWatch;
}

/** A source of notifications; to be closed by disposal. */
export interface OomWatch extends Disposable {
  /** Readable (POLLIN) when there may be something to take. */
  readonly descriptor: number;
  /** Takes what there is, without waiting. */
  take(): OomNews;
}

/** See {@linkcode OomWatch.take}. */
export interface OomNews {
  /** How often memory ran out since the last call. */
  count: number;
  /** There will be nothing more: the cgroup has no process any more, or was removed. */
  ended: boolean;
}

/**
 * The live side of the driver that a state file names.
 *
 * @param kernel Asked for when there is a system call to make.
 */
export async function openLive(kernel: () => LocalKernel, record: CgroupRecord): Promise<LiveCgroup> {
  if (record.driver.startsWith("systemd-")) {
    const { LiveSystemd } = await import("./systemd/live.ts");
    return new LiveSystemd(kernel, record);
  }
  if (record.driver.endsWith("-v2")) {
    const { LiveV2 } = await import("./v2/live.ts");
    return new LiveV2(kernel, record.paths);
  }
  const { LiveV1 } = await import("./v1/live.ts");
  return new LiveV1(record.paths);
}
