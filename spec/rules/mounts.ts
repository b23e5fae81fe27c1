/**
 * Rules of mounts: runtime-spec `config.md`, section Mounts.
 *
 * Mounting over /proc has undone the protections that are written through it (CVE-2019-16884, CVE-2015-3631).
 * Problems of the files behind the paths (a missing source, a symlink, a type of filesystem) are found when
 * the mount is made.
 *
 * @module
 */
import { cleanPath } from "../clean_path.ts";
import { isLxcfsFile } from "../lxcfs.ts";
import { type MountOptions, MS_BIND, MS_REMOUNT, parseMountOptions } from "../mount_options.ts";
import type { Mount, Spec } from "../types.ts";
import { checkIdMappings } from "./id_mappings.ts";
import { fixNamespace, mayMount, type Namespaces } from "./namespaces.ts";
import { type Partly, quote, type Report } from "./report.ts";

function isBind(options: MountOptions): boolean {
  return (options.flags & MS_BIND) !== 0;
}

/**
 * Checks where a mount goes, as far as the configuration alone shows it. It must not be the root itself, and
 * must not be in /proc, except for the files of lxcfs.
 *
 * @param written The destination as the configuration has it.
 * @param refuse Called with the reason when nothing may be mounted there.
 * @returns The destination as a clean absolute path.
 */
export function mountDestination(
  written: string,
  type: string | undefined,
  options: MountOptions,
  refuse: (reason: string) => void,
): string {
  const path = cleanPath(`/${written}`);
  if (path === "/") refuse(`mountpoint ${quote(written)} is on the top of rootfs`);
  else if (path === "/proc") {
    // The source of a bind mount is known only on the host.
    if (type !== "proc" && !isBind(options)) {
      refuse(`${quote(path)} cannot be mounted because it is not of type proc`);
    }
  } else if (path.startsWith("/proc/") && !isLxcfsFile(path)) {
    refuse(`${quote(path)} cannot be mounted because it is inside /proc`);
  }
  return path;
}

/** All rules of `mounts`. */
export function checkMounts(config: Partly<Spec>, namespaces: Namespaces, report: Report): void {
  const { mounts = [] } = config;
  if (mounts.length > 0 && !mayMount(config, namespaces)) {
    report("mounts", "unable to mount without a private MNT namespace", fixNamespace("mount"));
  }
  for (let index = 0; index < mounts.length; index++) {
    const mount = mounts[index], path = `mounts[${index}]`, options = parseMountOptions(mount.options);
    const { destination, type } = mount;
    if (destination === "") report(`${path}.destination`, "must not be empty");
    else if (destination !== undefined) {
      mountDestination(destination, type, options, (reason) => report(`${path}.destination`, reason));
    }
    checkKind(mount, options, path, report);
    if (mount.uidMappings || mount.gidMappings || options.idmap) {
      checkIdmap(mount, options, namespaces, path, report);
    }
  }
}

/** A bind mount needs a source and takes no data; any other mount needs a type. */
function checkKind(mount: Partly<Mount>, options: MountOptions, path: string, report: Report): void {
  const { type, source } = mount;
  if (isBind(options)) {
    if (source === undefined) report(`${path}.source`, "is required for a bind mount");
    if (options.data.length > 0) {
      report(
        `${path}.options`,
        "bind mounts cannot have any filesystem-specific options applied",
        `remove ${quote(options.data.join(","))}`,
      );
    }
  } else if (type === "bind") {
    report(
      `${path}.type`,
      'a mount of type "bind" has the option bind or rbind',
      'add "rbind" to its options',
    );
  } else if (type === undefined && (options.flags & MS_REMOUNT) === 0) {
    report(`${path}.type`, "is required for a mount that is no bind mount");
  }
  if (options.copyUp && type !== "tmpfs") report(`${path}.options`, "tmpcopyup is only supported for tmpfs");
}

/** Id mappings come for users and groups together, or from the container's user namespace. */
function checkIdmap(
  { uidMappings, gidMappings }: Partly<Mount>,
  options: MountOptions,
  namespaces: Namespaces,
  path: string,
  report: Report,
): void {
  checkIdMappings(uidMappings ?? [], `${path}.uidMappings`, report);
  checkIdMappings(gidMappings ?? [], `${path}.gidMappings`, report);
  if (!isBind(options)) report(path, "id-mapped mounts are only supported for bind-mounts");
  const given = uidMappings !== undefined || gidMappings !== undefined;
  if (given ? !uidMappings?.length || !gidMappings?.length : namespaces.user === undefined) {
    report(path, "id-mapped mounts must have both uid and gid mappings specified");
  }
}
