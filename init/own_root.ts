/**
 * Whether the root of a mount namespace is the rootfs. A process that joins the namespace, by `exec` or
 * nsenter(1), begins at the topmost mount on its root, which need not be the root of the processes inside.
 *
 * Sources: setns(2), pivot_root(2), mount_namespaces(7), user_namespaces(7) (EPERM of a process that is
 * chrooted).
 * @module
 */

import {
  AT_FDCWD,
  AT_RECURSIVE,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
} from "../ffi/constants.ts";
import { EBUSY } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { decodeStatx, STATX_SIZE } from "../ffi/structs.ts";
import { MS_SLAVE } from "../spec/mount_options.ts";
import { NAMESPACES } from "../spec/namespaces.ts";

/**
 * The topmost mount on the root. A lookup of `..` stays at the root and goes on to the mount on it; a lookup
 * of `/` does not.
 */
const TOP = "/..";

/**
 * Joins the process's own mount namespace, which moves its root to where a joining process begins, and looks
 * at it.
 *
 * @param root Descriptor of the mount that has to be there.
 * @returns The check. Call it after the kernel has answered.
 */
export function enterOwnRoot(k: Recorder, root: Fd): () => void {
  const wanted = k.buffer(STATX_SIZE), found = k.buffer(STATX_SIZE);
  k.statx(root, "", wanted);
  const self = k.call("pidfd_open", [k.call("getpid", []), 0]);
  // Without CAP_SYS_CHROOT the process keeps its root, and sees at least what is mounted on it.
  k.setns(self, NAMESPACES.mount.flag, { allow: "any" });
  k.close(self);
  k.statx(AT_FDCWD, TOP, found);
  return () => {
    const [ours, there] = [decodeStatx(wanted), decodeStatx(found)];
    const same = ours.mountId === there.mountId && ours.inode === there.inode &&
      ours.dev.major === there.dev.major && ours.dev.minor === there.dev.minor;
    if (same) return;
    const doing = "enter the rootfs: the root of the mount namespace is another one " +
      "(is tsrun in a chroot? it needs the root of a mount namespace)";
    throw new OperationError("pivot_root", EBUSY, "", doing);
  };
}

/**
 * Removes the mounts on the root of the process from its own mount namespace. The kernel makes no user
 * namespace for a process whose root is covered, and a process that joins the namespace would begin at the
 * cover.
 */
export function uncoverRoot(k: Kernel): void {
  k.during("remove the mounts that cover the host's /", () => {
    k.unshare(NAMESPACES.mount.flag);
    // The host keeps its mounts: neither the root nor its covers propagate the change.
    k.mountSetattr(AT_FDCWD, "/", 0, { propagation: MS_SLAVE });
    while (isCovered(k)) {
      k.mountSetattr(AT_FDCWD, TOP, AT_RECURSIVE, { propagation: MS_SLAVE });
      k.umount("/", MNT_DETACH);
    }
  });
}

/**
 * Removes the mounts below the root of the process from its own mount namespace, except the lowest, which is
 * the kernel's first file system: what a container that may unmount its root would find there is the host.
 * The root is mounted again on the lowest.
 *
 * Nothing is done in a chroot, whose root is no layer of the namespace's.
 *
 * @param layers The number of mounts below the root. None of them is shared.
 */
export function removeLayersBelow(k: Kernel, layers: number): void {
  k.during("remove the mounts below the host's /", () => {
    k.unshare(NAMESPACES.mount.flag);
    const old = k.open("/", O_PATH | O_DIRECTORY);
    enterNamespaceRoot(k);
    if (!isSameMount(k, old)) {
      enterRoot(k, old);
      return;
    }
    const root = k.openTree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE);
    for (let i = 0; i < layers; i++) {
      // The host keeps its mounts: neither these nor what they are mounted on propagates the change.
      k.mountSetattr(AT_FDCWD, "/", AT_RECURSIVE, { propagation: MS_SLAVE });
      k.umount("/", MNT_DETACH);
      enterNamespaceRoot(k);
    }
    const place = k.open("/", O_PATH | O_DIRECTORY);
    k.moveMount(root, place);
    enterRoot(k, root);
    k.close(place);
    k.close(old);
  });
}

/** Moves the root of the process to where one that joins its mount namespace begins. */
function enterNamespaceRoot(k: Kernel): void {
  const self = k.call("pidfd_open", [k.call("getpid", []), 0]);
  k.setns(self, NAMESPACES.mount.flag);
  k.close(self);
}

/** Makes a directory the root of the process, and closes its descriptor. */
function enterRoot(k: Kernel, root: Fd): void {
  k.fchdir(root);
  k.call("chroot", ["."]);
  k.chdir("/");
  k.close(root);
}

/** Whether the root of the process is on the mount of a descriptor. */
function isSameMount(k: Kernel, file: Fd): boolean {
  const here = k.buffer(STATX_SIZE), there = k.buffer(STATX_SIZE);
  k.statx(AT_FDCWD, "/", here);
  k.statx(file, "", there).wait();
  return decodeStatx(here).mountId === decodeStatx(there).mountId;
}

function isCovered(k: Kernel): boolean {
  const root = k.buffer(STATX_SIZE), top = k.buffer(STATX_SIZE);
  k.statx(AT_FDCWD, "/", root);
  k.statx(AT_FDCWD, TOP, top).wait();
  return decodeStatx(root).mountId !== decodeStatx(top).mountId;
}
