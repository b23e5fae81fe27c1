/**
 * How a process of `exec` gets into the unit of a user's container: by systemd.
 *
 * The kernel lets a user move a process only within what is delegated to that user, and a login session is not: writing to
 * the scope's `cgroup.procs`, and cloning into it, is denied from there. The user's systemd asks the host's.
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupEntry, CgroupRecord } from "../types.ts";
import { UNIFIED } from "../path.ts";
import { type Systemd, SystemdManager } from "./manager.ts";
import { callerUid } from "../../host/caller.ts";

/**
 * Has systemd move the stage of an exec, whose child is then born where it is to be.
 *
 * @param directory Where to: the container's own cgroup or one below.
 * @param stagePid The process that will clone.
 * @returns What is left to do for the process itself: nothing.
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
  if (unit === undefined || own === undefined) throw new RuntimeError("the container has no systemd unit");
  using systemd = connect();
  systemd.attachProcesses(unit, directory.slice(own.length) || "/", [stagePid]);
  return { tasks: [], cloneInto: null };
}
