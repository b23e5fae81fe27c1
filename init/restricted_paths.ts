/**
 * `linux.maskedPaths` and `linux.readonlyPaths`.
 *
 * What hides a file is the host's /dev/null, opened and checked before the container's root was entered: one in the
 * image could be anything (CVE-2025-31133). All paths are opened first, in one batch, and then used by descriptor.
 * @module
 */

import * as c from "../ffi/constants.ts";
import { ENOENT } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { readStatx, STATX_SIZE } from "../ffi/structs.ts";
import * as m from "../spec/mount_options.ts";
import { createFilesystem } from "./filesystem.ts";

/** The host's null device as a detached mount, made before the root is changed. */
export function openNullDevice(k: Kernel): NullDevice {
  const mount = k.openTree(c.AT_FDCWD, "/dev/null", c.OPEN_TREE_CLONE | c.AT_SYMLINK_NOFOLLOW);
  const stat = k.buffer(STATX_SIZE);
  k.statx(mount, "", stat);
  return { mount, stat };
}

/** A null device that is yet to be checked, when the kernel has answered. */
export interface NullDevice {
  mount: Result;
  stat: Buffer;
}

function checkNullDevice({ stat }: NullDevice): void {
  const { mode, rdev } = readStatx(stat);
  if ((mode & c.S_IFMT) !== c.S_IFCHR || rdev.major !== 1 || rdev.minor !== 3) {
    throw new Error("cannot mask paths: /dev/null of the host is not the null device");
  }
}

/** A path and what it turned out to be. */
interface Opened {
  path: string;
  fd: Result;
  stat: Buffer;
}

/**
 * Hides and write-protects paths; those that do not exist are skipped.
 *
 * @param root Descriptor of the container's root.
 */
export function restrictPaths(
  k: Kernel,
  root: Fd,
  masked: readonly string[],
  readonly: readonly string[],
  nullDevice: NullDevice,
): void {
  if (masked.length + readonly.length === 0) return;
  const open = (path: string): Opened => {
    const fd = k.openat2(root, path, c.O_PATH, c.RESOLVE_IN_ROOT | c.RESOLVE_NO_MAGICLINKS, 0, {
      allow: "any",
    });
    const stat = k.buffer(STATX_SIZE);
    k.statx(fd, "", stat, { allow: "any" });
    return { path, fd, stat };
  };
  const toProtect = [...new Set(readonly)].map(open), toMask = [...new Set(masked)].map(open);
  k.flush();
  checkNullDevice(nullDevice);
  for (const item of toProtect) if (exists(item, "readonlyPaths")) protect(k, item);
  maskAll(k, toMask.filter((item) => exists(item, "maskedPaths")), nullDevice);
}

function exists({ path, fd }: Opened, list: string): boolean {
  if (fd.value >= 0) return true;
  if (fd.value === -ENOENT) return false;
  throw new OperationError("open", -fd.value, JSON.stringify(path), `linux.${list}`);
}

/** Binds a tree onto itself, read-only with all that is mounted below. */
function protect(k: Kernel, { path, fd }: Opened): void {
  k.during(`make ${JSON.stringify(path)} read-only`, () => {
    const tree = k.openTree(fd, "", c.OPEN_TREE_CLONE | c.AT_RECURSIVE | c.AT_EMPTY_PATH);
    k.mountSetattr(tree, "", c.AT_RECURSIVE, { set: m.MOUNT_ATTR_RDONLY });
    k.moveMount(tree, fd);
    k.close(tree);
    k.close(fd);
  });
}

/** Files get the null device over them, directories an empty read-only tmpfs that they all share. */
function maskAll(k: Kernel, items: readonly Opened[], nullDevice: NullDevice): void {
  const coverFile = covering(k, () => nullDevice.mount),
    coverDirectory = covering(k, () => emptyDirectory(k));
  for (const { path, fd, stat } of items) {
    k.during(`mask ${JSON.stringify(path)}`, () => {
      const directory = (readStatx(stat).mode & c.S_IFMT) === c.S_IFDIR;
      (directory ? coverDirectory : coverFile)(fd);
      k.close(fd);
    });
  }
}

/** Attaches one detached mount at the first place, and copies of it, which can only then be made, at the others. */
function covering(k: Kernel, open: () => Fd): (place: Fd) => void {
  let first: Fd | undefined;
  return (place) => {
    if (first === undefined) {
      first = open();
      k.moveMount(first, place);
      return;
    }
    const copy = k.openTree(first, "", c.OPEN_TREE_CLONE | c.AT_EMPTY_PATH);
    k.moveMount(copy, place);
    k.close(copy);
  };
}

function emptyDirectory(k: Kernel): Result {
  const data = ["nr_blocks=1", "nr_inodes=1"];
  return createFilesystem(k, {
    type: "tmpfs",
    source: "tmpfs",
    data,
    flags: 0,
    attributes: m.MOUNT_ATTR_RDONLY,
  });
}
