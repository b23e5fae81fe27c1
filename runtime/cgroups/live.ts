/**
 * Changes, measurements and notifications of a running container's cgroups. They are apart from {@linkcode
 * ./driver.ts}, so that `create` does not load code that it does not run.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import type { CgroupRecord, LiveCgroup } from "./types.ts";

/**
 * The live side of the driver in a state file.
 *
 * @param kernel Called when there is a system call to make.
 */
export async function openLiveDriver(kernel: () => LocalKernel, record: CgroupRecord): Promise<LiveCgroup> {
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
