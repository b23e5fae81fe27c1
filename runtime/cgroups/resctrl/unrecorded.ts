/**
 * The group of a container whose record cannot be read.
 * @module
 */
import type { LinuxIntelRdt } from "../../../spec/types.ts";
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { HostMounts } from "../../host/mounts.ts";
import { removeResctrl } from "./group.ts";

/**
 * Removes what bears the container's name: its MON group, and its class of service if nobody is in it (whether it was
 * there before the container, nobody knows any more).
 *
 * @param rdt As the config has it.
 * @param mount Where resctrl is mounted; undefined where it is not, which leaves nothing to do.
 * @throws {RuntimeError}
 */
export function removeUnrecordedGroup(
  { closID, enableMonitoring }: LinuxIntelRdt,
  id: string,
  mount: string | undefined = new HostMounts().resctrl(),
  fs: CgroupFs = new HostCgroupFs(),
): void {
  if (mount === undefined) return;
  const clos = closID === "/" ? mount : `${mount}/${closID || id}`;
  const isFree = fs.exists(clos, "tasks") && fs.read(clos, "tasks").trim() === "";
  const mon = enableMonitoring ? `${clos}/mon_groups/${id}` : undefined;
  removeResctrl({ mount, clos, made: !closID && isFree, mon }, fs);
}
