/**
 * `linux.maskedPaths` and `linux.readonlyPaths`.
 *
 * The container's /dev/null is put over files. Its descriptor is checked to be the null device: one in the
 * image could be any file (CVE-2025-31133), and the host's own could be given other modes from inside. All
 * paths are opened first, in one batch, and then used by descriptor.
 * @module
 */

import * as c from "../ffi/constants.ts";
import { EAGAIN, ENOENT } from "../ffi/errno.ts";
import { type CallOptions, type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { readStatx, STATX_SIZE } from "../ffi/structs.ts";
import * as m from "../spec/mount_options.ts";
import { createFilesystem } from "./filesystem.ts";

/** The container's null device, opened but not yet checked. */
interface NullDevice {
  fd: Result;
  stat: Buffer;
}

/** Opens the container's /dev/null itself, and follows no link there (CVE-2025-31133). */
function openNullDevice(k: Kernel, root: Fd): NullDevice {
  const resolve = c.RESOLVE_IN_ROOT | c.RESOLVE_NO_MAGICLINKS;
  const fd = k.openat2(root, "/dev/null", c.O_PATH | c.O_NOFOLLOW, resolve, 0, { allow: "any" });
  const stat = k.buffer(STATX_SIZE);
  k.statx(fd, "", stat, { allow: "any" });
  return { fd, stat };
}

function checkNullDevice({ fd, stat }: NullDevice): void {
  if (fd.wait() < 0) throw new OperationError("open", -fd.wait(), '"/dev/null"', "mask paths");
  const { mode, rdev } = readStatx(stat);
  if ((mode & c.S_IFMT) !== c.S_IFCHR || rdev.major !== 1 || rdev.minor !== 3) {
    throw new Error("mask paths: /dev/null of the container is not the null device");
  }
}

/** A path, and what was found there. */
interface Opened {
  path: string;
  fd: Result;
  stat: Buffer;
}

/**
 * Hides and write-protects paths. Paths that do not exist are skipped.
 *
 * @param root Descriptor of the container's root.
 * @param label SELinux context of the container's mounts.
 */
export function restrictPaths(
  k: Kernel,
  root: Fd,
  masked: readonly string[],
  readonly: readonly string[],
  label?: string,
): void {
  if (masked.length + readonly.length === 0) return;
  const open = (path: string) => openPath(k, root, path, "any");
  const toProtect = [...new Set(readonly)].map(open), toMask = [...new Set(masked)].map(open);
  const nullDevice = masked.length > 0 ? openNullDevice(k, root) : undefined;
  k.flush();
  const again = (item: Opened) => item.fd.wait() === -EAGAIN ? openPath(k, root, item.path, [ENOENT]) : item;
  for (const item of toProtect.map(again)) if (exists(item, "readonlyPaths")) protect(k, item);
  if (nullDevice === undefined) return;
  maskAll(k, toMask.map(again).filter((item) => exists(item, "maskedPaths")), nullDevice, label);
}

function openPath(k: Kernel, root: Fd, path: string, allow: CallOptions["allow"]): Opened {
  const fd = k.openat2(root, path, c.O_PATH, c.RESOLVE_IN_ROOT | c.RESOLVE_NO_MAGICLINKS, 0, { allow });
  const stat = k.buffer(STATX_SIZE);
  k.statx(fd, "", stat, { allow: "any" });
  return { path, fd, stat };
}

/** Whether a path exists. */
function exists({ path, fd }: Opened, list: string): boolean {
  if (fd.wait() >= 0) return true;
  if (fd.wait() === -ENOENT) return false;
  throw new OperationError("open", -fd.wait(), JSON.stringify(path), `linux.${list}`);
}

/** Binds a tree onto itself, read-only with all mounts below. */
function protect(k: Kernel, { path, fd }: Opened): void {
  k.during(`make ${JSON.stringify(path)} read-only`, () => {
    const tree = k.openTree(fd, "", c.OPEN_TREE_CLONE | c.AT_RECURSIVE | c.AT_EMPTY_PATH);
    k.mountSetattr(tree, "", c.AT_RECURSIVE, { set: m.MOUNT_ATTR_RDONLY });
    k.moveMount(tree, fd);
    k.close(tree);
    k.close(fd);
  });
}

/** Masks paths: files by the null device, directories by one empty read-only tmpfs that they share. */
function maskAll(k: Kernel, items: readonly Opened[], nullDevice: NullDevice, label?: string): void {
  const isDirectory = ({ stat }: Opened) => (readStatx(stat).mode & c.S_IFMT) === c.S_IFDIR;
  if (items.some((item) => !isDirectory(item))) checkNullDevice(nullDevice);
  let empty: Result | undefined;
  for (const item of items) {
    k.during(`mask ${JSON.stringify(item.path)}`, () => {
      if (!isDirectory(item)) cover(k, nullDevice.fd, item.fd);
      else if (empty !== undefined) cover(k, empty, item.fd);
      // A detached mount has to be attached once before it can be copied.
      else k.moveMount(empty = emptyDirectory(k, label), item.fd);
      k.close(item.fd);
    });
  }
  if (empty) k.close(empty);
  k.call("close", [nullDevice.fd], { allow: "any" });
}

/** Binds the file of one descriptor over that of another. */
function cover(k: Kernel, what: Fd, place: Fd): void {
  const copy = k.openTree(what, "", c.OPEN_TREE_CLONE | c.AT_EMPTY_PATH);
  k.moveMount(copy, place);
  k.close(copy);
}

function emptyDirectory(k: Kernel, label?: string): Result {
  const data = ["nr_blocks=1", "nr_inodes=1"];
  return createFilesystem(k, {
    type: "tmpfs",
    source: "tmpfs",
    data,
    flags: 0,
    attributes: m.MOUNT_ATTR_RDONLY,
    label,
  });
}
