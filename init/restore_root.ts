/**
 * The root in which CRIU restores a container. It is made in a mount namespace of CRIU's own, so the host
 * does not see it, and nothing of it is left when CRIU has ended.
 *
 * CRIU needs a mount point that nothing covers, so the rootfs is bound to a directory of its own. CRIU also
 * needs a destination for every mount. A rootfs that was removed and unpacked again may lack them, so they
 * are made.
 * @module
 */

import {
  AT_FDCWD,
  AT_RECURSIVE,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
} from "../ffi/constants.ts";
import { isBind } from "./mounts.ts";
import { decodeStatx, makedev, STATX_SIZE } from "../ffi/structs.ts";
import type { Fd, Kernel } from "../ffi/kernel.ts";
import { createFilesystem } from "./filesystem.ts";
import { openInRoot } from "./in_root.ts";
import { MS_BIND, MS_REC, MS_SLAVE, parseMountOptions } from "../spec/mount_options.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Mount } from "../spec/types.ts";

/** The parts of the root. */
export interface RestoreRoot {
  /** The rootfs, and an existing directory that it is bound to. */
  rootfs: string;
  root: string;
  /** A directory in which the null device {@linkcode MASK_NAME} is made. It covers masked files. */
  mask: string;
  bundle: string;
  mounts: readonly Mount[];
}

/** Name of the null device below {@linkcode RestoreRoot.mask}. */
export const MASK_NAME = "null";

/** Makes the root. The kernel's process becomes CRIU afterwards. */
export function makeRestoreRoot(k: Kernel, { rootfs, root, mask, bundle, mounts }: RestoreRoot): void {
  k.during("make the root to restore in", () => {
    k.unshare(NAMESPACES.mount.flag);
    k.call("mount", [null, "/", null, MS_SLAVE | MS_REC, null]);
    k.call("mount", [rootfs, root, null, MS_BIND | MS_REC, null]);
    makeMask(k, mask);
    const place = k.open(rootfs, O_PATH | O_DIRECTORY);
    for (const mount of mounts) if (needsPlace(mount, mounts)) makePlace(k, place, bundle, mount);
    k.close(place);
  });
}

/**
 * Makes a null device of the container's own. A container whose files are covered with the host's could
 * change the modes of that device (CVE-2025-31133 was of this kind).
 */
function makeMask(k: Kernel, path: string): void {
  const tree = createFilesystem(k, {
    type: "tmpfs",
    source: "tmpfs",
    data: ["mode=755"],
    flags: 0,
    attributes: 0,
  });
  const umask = k.call("umask", [0]);
  k.mknodat(tree, MASK_NAME, S_IFCHR | 0o666, makedev(1, 3));
  k.call("umask", [umask]);
  const place = k.open(path, O_PATH | O_DIRECTORY);
  k.moveMount(tree, place);
  k.close(place);
  k.close(tree);
}

/**
 * Whether a mount's destination has to be made. Those of cgroups are in a tmpfs or in sysfs, and CRIU makes
 * the contents of a tmpfs itself.
 */
function needsPlace({ type, destination }: Mount, mounts: readonly Mount[]): boolean {
  return type !== "cgroup" &&
    !mounts.some((other) => other.type === "tmpfs" && destination.startsWith(`${other.destination}/`));
}

/**
 * Makes the destination of a mount. A bind mount is mounted too, since it may hold destinations of others.
 */
function makePlace(k: Kernel, rootfs: Fd, bundle: string, mount: Mount): void {
  const { destination, source = "" } = mount;
  if (!isBindMount(mount)) {
    k.close(openInRoot(k, rootfs, destination, { missing: "directory" }));
    return;
  }
  const path = source.startsWith("/") ? source : `${bundle}/${source}`;
  const tree = k.openTree(AT_FDCWD, path, OPEN_TREE_CLONE | AT_RECURSIVE);
  const place = openInRoot(k, rootfs, destination, { missing: () => kindOf(k, tree) });
  k.moveMount(tree, place);
  k.close(tree);
  k.close(place);
}

function kindOf(k: Kernel, tree: Fd): "directory" | "file" {
  const buffer = k.buffer(STATX_SIZE);
  k.statx(tree, "", buffer).wait();
  return (decodeStatx(buffer).mode & S_IFMT) === S_IFDIR ? "directory" : "file";
}

/** Whether a mount of the config is a bind mount. */
export function isBindMount({ options }: Mount): boolean {
  return isBind(parseMountOptions(options));
}
