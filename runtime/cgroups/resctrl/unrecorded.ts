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
 * Removes the groups with the container's name: its MON group, and its class of service if that has no
 * process (without a record it is unknown whether the class existed before the container).
 *
 * @param rdt The config's request.
 * @param mount Mount point of resctrl; undefined where it is not mounted, and nothing has to be done.
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
