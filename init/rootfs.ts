/**
 * The container's root: bound, entered by pivot_root(2) (or moved, with `--no-pivot`), made read-only.
 *
 * Sources: runtime-spec config.md (Root), config-linux.md (Rootfs Mount Propagation), pivot_root(2),
 * Documentation/filesystems/sharedsubtree.rst.
 * @module
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  MNT_DETACH,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
} from "../ffi/constants.ts";
import { EINVAL, EPERM } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";
import {
  MOUNT_ATTR_RDONLY,
  MOUNT_PROPAGATION,
  MS_PRIVATE,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
} from "../spec/mount_options.ts";
import type { RootfsPropagation } from "../spec/types.ts";
import { createFilesystem } from "./filesystem.ts";
import { enterOwnRoot } from "./own_root.ts";

/** The arguments of mount_setattr(2) for the name of a propagation. */
function propagationOf(name: RootfsPropagation): { propagation: number; flags: number } {
  const value = MOUNT_PROPAGATION[name];
  return { propagation: value & ~MS_REC, flags: value & MS_REC ? AT_RECURSIVE : 0 };
}

/**
 * Cuts the mount namespace off from the host's and binds the rootfs onto itself, so that it is a mount.
 *
 * @param open Opens the rootfs, with these flags of open(2).
 * @param mountPoints The host's mount points; needed only for a shared propagation.
 * @returns Descriptor of the rootfs mount.
 */
export function bindRootfs(
  k: Kernel,
  rootfs: string,
  open: (flags: number) => Result,
  propagation: RootfsPropagation | undefined,
  mountPoints: readonly string[],
): Result {
  return k.during(`prepare rootfs ${JSON.stringify(rootfs)}`, () => {
    isolate(k, rootfs, propagation, mountPoints);
    const place = open(O_PATH | O_DIRECTORY | O_NOFOLLOW);
    const root = k.openTree(place, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
    k.moveMount(root, place);
    k.close(place);
    return root;
  });
}

/**
 * Sets the propagation of the mounts that the new mount namespace starts with. The mount that holds the
 * rootfs must never be shared: the bind would show on the host, and pivot_root(2) refuses such a parent.
 */
function isolate(
  k: Kernel,
  rootfs: string,
  propagation: RootfsPropagation | undefined,
  mountPoints: readonly string[],
): void {
  const { propagation: kind, flags } = propagationOf(propagation ?? "rslave");
  if (kind === MS_SHARED) {
    k.mountSetattr(AT_FDCWD, "/", flags, { propagation: kind });
    k.mountSetattr(AT_FDCWD, longestPrefix(mountPoints, rootfs), 0, { propagation: MS_PRIVATE });
    return;
  }
  k.mountSetattr(AT_FDCWD, "/", AT_RECURSIVE, { propagation: MS_SLAVE });
  if (kind === MS_PRIVATE) k.mountSetattr(AT_FDCWD, "/", flags, { propagation: kind });
}

function longestPrefix(mountPoints: readonly string[], path: string): string {
  let best = "/";
  for (const point of mountPoints) {
    const inside = path === point || path.startsWith(point === "/" ? "/" : `${point}/`);
    if (inside && point.length > best.length) best = point;
  }
  return best;
}

/**
 * Enters the rootfs and drops the host's tree. The working directory is then `/` of the container.
 *
 * @returns The check that nothing but the rootfs is the root of the mount namespace. Call it after the kernel
 * has answered.
 */
export function pivotInto(k: Recorder, root: Fd, propagation: RootfsPropagation | undefined): () => void {
  return k.during("pivot_root into the rootfs", () => {
    pivot(k, root, propagation);
    const check = enterOwnRoot(k, root);
    setFinalPropagation(k, propagation);
    return check;
  });
}

/**
 * Exchanges the root for the rootfs.
 *
 * @param refused Where a pivot_root(2) that the kernel refuses leads to.
 * @returns Descriptor of the old root, which is closed, except where the kernel refuses.
 */
function pivot(
  k: Recorder,
  root: Fd,
  propagation: RootfsPropagation | undefined,
  refused?: Label,
): Result {
  const old = k.open("/", O_PATH | O_DIRECTORY);
  k.fchdir(root);
  k.call("pivot_root", [".", "."], { onError: refused });
  // The old root now lies over the new one. It must not be shared when it is unmounted, or the host would
  // lose its mounts.
  k.fchdir(old);
  if (propagation !== undefined) {
    k.mountSetattr(AT_FDCWD, ".", AT_RECURSIVE, { propagation: MS_SLAVE });
  }
  unmountAll(k);
  k.close(old);
  k.chdir("/");
  return old;
}

/** Unmounts the working directory and its covers, one call for each mount. A check follows later. */
function unmountAll(k: Recorder): void {
  const again = new Label(), done = new Label();
  k.place(again);
  // EINVAL: the directory is no longer part of the mount namespace.
  k.call("umount2", [".", MNT_DETACH], { onError: done });
  k.jump(again);
  k.place(done);
}

/** Sets the propagation of the root itself, not of the volumes on it. */
function setFinalPropagation(k: Kernel, propagation: RootfsPropagation | undefined): void {
  if (propagation === undefined) return;
  const { propagation: kind } = propagationOf(propagation);
  if (kind !== MS_SLAVE) k.mountSetattr(AT_FDCWD, "/", 0, { propagation: kind });
}

/**
 * `--no-pivot`: for hosts that run from an initramfs, where pivot_root(2) is not possible. The rootfs is
 * moved over `/` then. On other hosts this is {@linkcode pivotInto}, which leaves nothing of the host.
 *
 * Where the rootfs is moved, the host's mounts stay below, out of reach for a container that may not unmount
 * its root. Full views of /proc and /sys among them would let the container mount new ones, so these are
 * removed first.
 *
 * @param procAndSys Mount points of the host that show a whole procfs or sysfs, the innermost last.
 * @returns The check that nothing but the rootfs is on top of `/`. Call it after the kernel has answered.
 */
export function moveInto(
  k: Recorder,
  root: Fd,
  propagation: RootfsPropagation | undefined,
  procAndSys: readonly string[],
): () => void {
  return k.during("move the rootfs to /", () => {
    const refused = new Label(), done = new Label();
    const old = pivot(k, root, propagation, refused);
    k.jump(done);
    k.place(refused);
    k.close(old);
    for (const path of procAndSys.toReversed()) {
      k.umount(path, MNT_DETACH, {
        repair(errno) {
          if (errno !== EINVAL && errno !== EPERM) {
            throw new OperationError("umount2", errno, JSON.stringify(path), "");
          }
          // In a user namespace the host's mounts cannot be unmounted one by one (mount_namespaces(7)). They
          // can be covered.
          cover(k, path);
          return "skip";
        },
      });
    }
    const place = k.open("/", O_PATH | O_DIRECTORY);
    k.fchdir(root);
    k.moveMount(root, place);
    k.close(place);
    k.call("chroot", ["."]);
    k.chdir("/");
    k.place(done);
    const check = enterOwnRoot(k, root);
    setFinalPropagation(k, propagation);
    return check;
  });
}

function cover(k: Kernel, path: string): void {
  const data = ["size=0k", "nr_inodes=1"];
  const empty = createFilesystem(k, {
    type: "tmpfs",
    source: "tmpfs",
    data,
    flags: 0,
    attributes: MOUNT_ATTR_RDONLY,
  });
  const place = k.open(path, O_PATH | O_DIRECTORY);
  k.moveMount(empty, place);
  k.close(empty);
  k.close(place);
}

/** Changes the root of a container that has no mount namespace of its own. */
export function chrootInto(k: Kernel, root: Fd): void {
  k.during("chroot to the rootfs", () => {
    k.fchdir(root);
    k.call("chroot", ["."]);
    k.chdir("/");
  });
}

/** Makes the root itself read-only. Mounts below it are not changed. */
export function makeRootReadonly(k: Kernel, root: Fd): void {
  k.during("make the root filesystem read-only", () => {
    k.mountSetattr(root, "", 0, { set: MOUNT_ATTR_RDONLY });
  });
}
