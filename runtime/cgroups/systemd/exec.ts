/**
 * Moves a process of `exec` into the unit of a user's container, by systemd.
 *
 * The kernel lets a user move a process only within delegated cgroups, and a login session is not delegated:
 * writing to the scope's `cgroup.procs`, and cloning into it, is refused from there. The user's systemd asks
 * the host's.
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupEntry, CgroupRecord } from "../types.ts";
import { UNIFIED } from "../path.ts";
import { type Systemd, SystemdManager } from "./manager.ts";
import { callerUid } from "../../host/caller.ts";

/**
 * Asks systemd to move the stage of an exec. The stage's child then starts in the right cgroup.
 *
 * @param directory The container's own cgroup or one below.
 * @param stagePid The process that will clone.
 * @returns The steps left for the process itself: none.
 * @throws {RuntimeError} when systemd cannot be reached or refuses.
 */
export function enterBySystemd(
  k: LocalKernel,
  record: CgroupRecord,
  directory: string,
  stagePid: number,
  connect: () => Systemd = () => SystemdManager.connect(k, record.bus ?? "system", callerUid()),
): CgroupEntry {
  const { unit } = record;
  const own = record.paths[UNIFIED];
  if (unit === undefined || own === undefined) {
    throw new RuntimeError("ENOENT_CGROUP", "the container has no systemd unit");
  }
  using systemd = connect();
  systemd.attachProcesses(unit, directory.slice(own.length) || "/", [stagePid]);
  return { tasks: [], cloneInto: null };
}
