/**
 * Rules of mounts: runtime-spec `config.md`, section Mounts.
 *
 * What depends on the files behind the paths (a missing source, a symlink, a type of filesystem) is found when the
 * mount is made.
 *
 * @module
 */
import { cleanPath } from "../clean_path.ts";
import { isLxcfsFile } from "../lxcfs.ts";
import { type MountOptions, MS_BIND, MS_REMOUNT, parseMountOptions } from "../mount_options.ts";
import { checkIdMappings } from "./id_mappings.ts";
import type { Namespaces } from "./namespaces.ts";
import { quote, type Section } from "./section.ts";

const NUL = "mount field contains null byte";

/** All rules of `mounts`. */
export function checkMounts(config: Section, namespaces: Namespaces): void {
  const mounts = config.objects("mounts");
  if (mounts.length > 0 && !namespaces.has("mount")) {
    config.fail("mounts", "unable to mount without a private MNT namespace", namespaces.fix("mount"));
  }
  for (const mount of mounts) {
    const options = parseMountOptions(mount.strings("options"));
    const type = mount.string("type", NUL) ?? "";
    checkDestination(mount, options, type);
    checkKind(mount, options, type);
    checkIdmap(mount, options, namespaces);
  }
}

function isBind(options: MountOptions): boolean {
  return (options.flags & MS_BIND) !== 0;
}

/** A type for what is no bind mount, a source and no data for what is one. */
function checkKind(mount: Section, options: MountOptions, type: string): void {
  const source = mount.string("source", NUL);
  if (isBind(options)) {
    if (!source && !mount.has("source")) mount.fail("source", "is required for a bind mount");
    if (options.data.length > 0) {
      mount.fail(
        "options",
        "bind mounts cannot have any filesystem-specific options applied",
        `remove ${quote(options.data.join(","))}`,
      );
    }
  } else if (type === "bind") {
    mount.fail("type", 'a mount of type "bind" has the option bind or rbind', 'add "rbind" to its options');
  } else if (type === "" && (options.flags & MS_REMOUNT) === 0 && !mount.has("type")) {
    mount.fail("type", "is required for a mount that is no bind mount");
  }
  if (options.copyUp && type !== "tmpfs") mount.fail("options", "tmpcopyup is only supported for tmpfs");
}

/** The destination is neither the root itself nor in /proc, where lxcfs alone may put its files. */
function checkDestination(mount: Section, options: MountOptions, type: string): void {
  mount.need("destination");
  const destination = mount.string("destination", NUL);
  if (destination === undefined) return;
  const path = cleanPath(`/${destination}`);
  if (destination === "") mount.fail("destination", "must not be empty");
  else if (path === "/") {
    mount.fail("destination", `mountpoint ${quote(destination)} is on the top of rootfs`);
  } else if (path === "/proc") {
    // What a bind mount has as its source is known only on the host.
    if (type === "proc" || isBind(options)) return;
    mount.fail("destination", `${quote(path)} cannot be mounted because it is not of type proc`);
  } else if (path.startsWith("/proc/") && !isLxcfsFile(path)) {
    mount.fail("destination", `${quote(path)} cannot be mounted because it is inside /proc`);
  }
}

/** Id mappings come for users and groups together, or from the container's user namespace. */
function checkIdmap(mount: Section, options: MountOptions, namespaces: Namespaces): void {
  const given = mount.has("uidMappings") || mount.has("gidMappings");
  if (!given && options.idmap === undefined) return;
  const uids = checkIdMappings(mount, "uidMappings"), gids = checkIdMappings(mount, "gidMappings");
  if (!isBind(options)) mount.failHere("id-mapped mounts are only supported for bind-mounts");
  if (given ? uids.length === 0 || gids.length === 0 : !namespaces.has("user")) {
    mount.failHere("id-mapped mounts must have both uid and gid mappings specified");
  }
}
