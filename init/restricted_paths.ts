/**
 * `linux.maskedPaths` and `linux.readonlyPaths`.
 *
 * The container's /dev/null is bound over files. Its descriptor is checked to be the null device: a file of
 * the image could be any file (CVE-2025-31133), and the modes of the host's own could be changed from inside.
 * All paths are opened first, in one batch, and then used by descriptor. Paths are masked before others
 * become read-only. A read-only tree is bound onto itself with all mounts below, so a masked path in it stays
 * masked.
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
} from "../ffi/constants.ts";
import { EAGAIN, ENOENT } from "../ffi/errno.ts";
import { type CallOptions, type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { decodeMode, decodeStatx, STATX_SIZE } from "../ffi/structs.ts";
import { MOUNT_ATTR_RDONLY } from "../spec/mount_options.ts";
import { createFilesystem } from "./filesystem.ts";

/** The container's null device, opened but not yet checked. */
interface NullDevice {
  fd: Result;
  stat: Buffer;
}

/** Opens the container's /dev/null itself, and follows no link there (CVE-2025-31133). */
function openNullDevice(k: Kernel, root: Fd): NullDevice {
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const fd = k.openat2(root, "/dev/null", O_PATH | O_NOFOLLOW, resolve, 0, { allow: "any" });
  const stat = k.buffer(STATX_SIZE);
  k.statx(fd, "", stat, { allow: "any" });
  return { fd, stat };
}

function checkNullDevice({ fd, stat }: NullDevice): void {
  if (fd.wait() < 0) throw new OperationError("open", -fd.wait(), '"/dev/null"', "mask paths");
  const { mode, rdev } = decodeStatx(stat);
  if ((mode & S_IFMT) !== S_IFCHR || rdev.major !== 1 || rdev.minor !== 3) {
    const reason = "/dev/null of the container is not the null device";
    throw new TsrunError({ code: "ENXIO_NULL_DEVICE", operation: "mask paths", reason });
  }
}

/** A path, and what was found there. */
export interface Opened {
  path: string;
  fd: Result;
  stat: Buffer;
}

/**
 * Hides and write-protects paths. Paths that do not exist are skipped.
 *
 * @param root Descriptor of the container's root.
 * @param label SELinux context of the container's mounts.
 * @param many Opens and covers many paths at a time.
 */
export function restrictPaths(
  k: Kernel,
  root: Fd,
  masked: readonly string[],
  readonly: readonly string[],
  label?: string,
  many?: ManyPaths,
): void {
  const wanted = [
    ...Array.from(new Set(masked), (path): Wanted => ({ path, list: "maskedPaths" })),
    ...Array.from(new Set(readonly), (path): Wanted => ({ path, list: "readonlyPaths" })),
  ];
  if (wanted.length > 0) k.inPieces(wanted, (piece) => restrictPiece(k, root, piece, label, many));
}

/** What works on many paths at a time. */
export interface ManyPaths {
  /** Opens paths as {@linkcode openPath} does. @returns Undefined where they are too few. */
  open(k: Kernel, root: Fd, paths: readonly string[]): Opened[] | undefined;
  /** Masks directories as {@linkcode coverPath} does. @returns How many of them, from the first on. */
  cover(k: Kernel, what: Fd, directories: readonly Opened[]): number;
}

/** A path, and the list that names it. */
interface Wanted {
  path: string;
  list: "maskedPaths" | "readonlyPaths";
}

function restrictPiece(
  k: Kernel,
  root: Fd,
  piece: readonly Wanted[],
  label: string | undefined,
  many: ManyPaths | undefined,
): void {
  const items = many?.open(k, root, piece.map(({ path }) => path)) ??
    piece.map(({ path }) => openPath(k, root, path, "any"));
  const opened = piece.map(({ list }, i) => ({ list, item: items[i] }));
  const nullDevice = piece[0].list === "maskedPaths" ? openNullDevice(k, root) : undefined;
  k.flush();
  const again = (item: Opened) => item.fd.wait() === -EAGAIN ? openPath(k, root, item.path, [ENOENT]) : item;
  const thereOf = (wanted: Wanted["list"]) =>
    opened.flatMap(({ list, item }) => list === wanted ? [again(item)] : []).filter((item) =>
      exists(item, wanted)
    );
  if (nullDevice) maskAll(k, thereOf("maskedPaths"), nullDevice, label, many);
  for (const item of thereOf("readonlyPaths")) protect(k, item);
}

/** Opens a path and asks what it is. */
export function openPath(k: Kernel, root: Fd, path: string, allow: CallOptions["allow"]): Opened {
  const fd = k.openat2(root, path, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, 0, { allow });
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

/**
 * Makes a path read-only, with all mounts below: a mount changes its flags, another tree is bound onto itself
 * first.
 */
function protect(k: Kernel, { path, fd, stat }: Opened): void {
  k.during(`make ${JSON.stringify(path)} read-only`, () => {
    // The process would not see a mount that is made on its own root.
    if (decodeStatx(stat).mountRoot) {
      k.mountSetattr(fd, "", AT_RECURSIVE, { set: MOUNT_ATTR_RDONLY });
      k.close(fd);
      return;
    }
    const tree = k.openTree(fd, "", OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH);
    k.mountSetattr(tree, "", AT_RECURSIVE, { set: MOUNT_ATTR_RDONLY });
    k.moveMount(tree, fd);
    k.close(tree);
    k.close(fd);
  });
}

/** Masks paths: files by the null device, directories by one empty read-only tmpfs that they share. */
function maskAll(
  k: Kernel,
  items: readonly Opened[],
  nullDevice: NullDevice,
  label: string | undefined,
  many: ManyPaths | undefined,
): void {
  const isDirectory = ({ stat }: Opened) => (decodeMode(stat) & S_IFMT) === S_IFDIR;
  if (items.some((item) => !isDirectory(item))) checkNullDevice(nullDevice);
  let empty: Result | undefined;
  for (let i = 0; i < items.length; i++) {
    const item = items[i], directory = isDirectory(item);
    if (directory && empty === undefined) {
      // A detached mount has to be attached once before it can be copied.
      k.during(masking(item.path), () => {
        k.moveMount(empty = emptyDirectory(k, label), item.fd);
        k.close(item.fd);
      });
      continue;
    }
    if (directory && many) {
      const end = items.findIndex((item, j) => j > i && !isDirectory(item));
      const covered = many.cover(k, empty!, items.slice(i, end < 0 ? items.length : end));
      i += covered;
      if (covered > 0) {
        i--;
        continue;
      }
    }
    coverPath(k, directory ? empty! : nullDevice.fd, item.path, item.fd);
  }
  if (empty) k.close(empty);
  k.call("close", [nullDevice.fd], { allow: "any" });
}

const masking = (path: string) => `mask ${JSON.stringify(path)}`;

/** Masks a path: binds the file or directory of one descriptor over that of another, which is closed. */
export function coverPath(k: Kernel, what: Fd, path: string, place: Fd): void {
  k.during(masking(path), () => {
    const copy = k.openTree(what, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
    k.moveMount(copy, place);
    k.close(copy);
    k.close(place);
  });
}

function emptyDirectory(k: Kernel, label?: string): Result {
  const data = ["nr_blocks=1", "nr_inodes=1"];
  return createFilesystem(k, {
    type: "tmpfs",
    source: "tmpfs",
    data,
    flags: 0,
    attributes: MOUNT_ATTR_RDONLY,
    label,
  });
}
