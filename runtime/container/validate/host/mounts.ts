/**
 * Mounts that this host cannot make: sources that are not there, and filesystems that the kernel does not
 * have.
 * @module
 */

import type { Partly } from "../../../../spec/rules/report.ts";
import { MS_BIND, MS_REMOUNT, parseMountOptions } from "../../../../spec/mount_options.ts";
import type { Mount } from "../../../../spec/types.ts";
import { isAtLeast } from "../../../host/view.ts";
import type { HostReport } from "../finding.ts";
import { type Question, withPaths } from "./check.ts";

/** Types that are no filesystem of the kernel's list, or that the runtime makes itself. */
const OWN_TYPES: readonly string[] = ["", "none", "bind", "cgroup"];

/** Checks every mount. */
export function checkHostMounts(question: Question, report: HostReport): void {
  const known = question.host.read("/proc/filesystems");
  for (const [mount, path] of withPaths(question.spec.mounts, "mounts")) {
    const options = parseMountOptions(mount.options);
    if (options.flags & MS_REMOUNT) continue;
    if (options.flags & MS_BIND) checkSource(question, mount, path, report);
    else if (known !== undefined && checkType(question, mount.type ?? "", known, path, report)) {
      checkData(question, mount.type ?? "", options.data, path, report);
    }
    const mapped = options.idmap !== undefined || mount.uidMappings !== undefined;
    if (mapped) checkIdMapped(question, path, report);
  }
}

function checkSource(
  { host, bundle }: Question,
  mount: Partly<Mount>,
  path: string,
  report: HostReport,
): void {
  const { source = "" } = mount;
  if (source === "" || !source.startsWith("/") && bundle === undefined) return;
  const place = source.startsWith("/") ? source : `${bundle}/${source}`;
  if (host.kind(place) !== undefined) return;
  report(`${path}.source`, `there is no ${JSON.stringify(place)}`, "make it, or correct the source");
}

/** Options are tried where the kernel has the filesystem already: no module is loaded for a question. */
function checkData(
  { host }: Question,
  type: string,
  data: readonly string[],
  path: string,
  report: HostReport,
): void {
  for (const { option, reason } of host.refusedOptions(type, data)) {
    const rule = `${type} does not take ${JSON.stringify(option)}: ${reason}`;
    report(`${path}.options`, rule, "remove it, or correct its value");
  }
}

/**
 * A kernel loads the module of a filesystem when it is asked for, so modules count as known. Returns whether
 * the kernel itself has the type already.
 */
function checkType(
  { host }: Question,
  type: string,
  known: string,
  path: string,
  report: HostReport,
): boolean {
  // FUSE and others have types with a subtype: fuse.sshfs.
  const [name] = type.split(".");
  if (OWN_TYPES.includes(name)) return false;
  if (known.split("\n").some((line) => line.split("\t")[1] === name)) return true;
  const directory = `/lib/modules/${host.kernel}`;
  const modules = ["modules.dep", "modules.builtin"].map((file) => host.read(`${directory}/${file}`) ?? "");
  if (modules.some((text) => text.includes(`/${name}.ko`))) return false;
  report(`${path}.type`, `this kernel has no filesystem ${JSON.stringify(name)}`, `modprobe ${name}`);
  return false;
}

function checkIdMapped({ host }: Question, path: string, report: HostReport): void {
  if (host.uid !== 0) {
    report(path, "id-mapped mounts need root's rights", "run as root, or remove the mappings");
  }
  if (!isAtLeast(host, 5, 12)) report(path, "id-mapped mounts need Linux 5.12", "use a newer kernel");
}
