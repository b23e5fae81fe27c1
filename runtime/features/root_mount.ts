/**
 * The root of a container that has no mount namespace. The host sees what such a container mounts, so it
 * mounts on a copy of the rootfs that is attached over the rootfs itself. The copy is known by its mount id.
 * Detaching it removes everything that is mounted on it.
 *
 * Sources: open_tree(2), move_mount(2), statx(2) (STATX_MNT_ID_UNIQUE: Linux 6.8), umount(2).
 * @module
 */

import { Descriptor } from "../../ffi/descriptor.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  MNT_DETACH,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  STATX_BASIC_STATS,
  STATX_MNT_ID,
  STATX_MNT_ID_UNIQUE,
  UMOUNT_NOFOLLOW,
} from "../../ffi/constants.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { Fd } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { decodeStatx, STATX_SIZE } from "../../ffi/structs.ts";
import { MS_PRIVATE } from "../../spec/mount_options.ts";
import type { CreateFeature, CreateRequest } from "./feature.ts";

/**
 * linux/stat.h: an id that no other mount will have while the kernel runs. Older kernels return the id that
 * they reuse.
 */

/** @throws {RuntimeError} If the rootfs is the root of the host. */
export function forCreate({ rootfs, hostRoot }: CreateRequest): CreateFeature {
  if (hostRoot) {
    throw new RuntimeError(
      "EINVAL_ROOTFS",
      `invalid rootfs ${JSON.stringify(rootfs)}: the host's root can be mounted on in a mount namespace ` +
        'only: add {"type": "mount"} to linux.namespaces',
    );
  }
  return { host: { root: (deed) => attachRoot(deed.k, rootfs, (id) => deed.recordRootMount(id)) } };
}

/**
 * Attaches a copy of the rootfs over itself.
 *
 * @param record Stores the copy's id. Called before the copy is attached.
 */
export function attachRoot(k: LocalKernel, rootfs: string, record: (mountId: number) => void): void {
  k.during(`prepare rootfs ${JSON.stringify(rootfs)}`, () => {
    using place = new Descriptor(k, k.open(rootfs, O_PATH | O_DIRECTORY | O_NOFOLLOW));
    using copy = new Descriptor(k, k.openTree(place, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH));
    record(mountIdOf(k, copy, ""));
    k.moveMount(copy, place);
    // Mounts on the copy belong to this container alone, also where the rootfs lies on a shared mount.
    k.mountSetattr(copy, "", AT_RECURSIVE, { propagation: MS_PRIVATE });
  });
}

/**
 * Detaches the copy with all that is mounted on it. Does nothing if the copy is gone, or covered by another
 * mount.
 */
export function detachRoot(k: LocalKernel, rootfs: string, mountId: number): void {
  while (mountIdOf(k, AT_FDCWD, rootfs) === mountId) k.umount(rootfs, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/** The id of the mount that a path leads to; 0 if the path does not exist. */
function mountIdOf(k: LocalKernel, directory: Fd, path: string): number {
  const buffer = k.buffer(STATX_SIZE);
  const flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
  const mask = STATX_BASIC_STATS | STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
  const asked = k.statx(directory, path, buffer, { allow: "any" }, flags, mask);
  return asked.wait() < 0 ? 0 : decodeStatx(buffer).mountId;
}
