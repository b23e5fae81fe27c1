/**
 * New filesystems by mount(2), for values that fsconfig(2) does not take.
 *
 * mount(2) mounts at a path. To keep that path out of sight, a tmpfs covers the rootfs meanwhile and the path
 * is a directory in it. The mount is then copied as a detached mount, and the tmpfs is unmounted.
 *
 * Sources: mount(2), fsconfig(2), fs/fsopen.c (values end at 255 bytes), fs/filesystems.c (types with a dot).
 * @module
 */

import { MNT_DETACH, OPEN_TREE_CLONE } from "../ffi/constants.ts";
import { EINVAL } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import { MS_I_VERSION, MS_SILENT } from "../spec/mount_options.ts";
import type { NewFilesystem } from "./new_filesystem.ts";

/** Flags of mount(2) that have no option of fsconfig(2). */
const ONLY_HERE = MS_SILENT | MS_I_VERSION;
/**
 * The most bytes that fsconfig(2) takes of a key or a value, and that mount(2) takes of all options together.
 */
const LONGEST_VALUE = 255, LONGEST_DATA = 4095;

/** Whether only mount(2) can make a filesystem. `options` are its data, one by one. */
export function needsClassicMount(fs: NewFilesystem, options: readonly string[]): boolean {
  if ((fs.flags & ONLY_HERE) !== 0 || fs.type.includes(".") || isLong(fs.source)) return true;
  return options.some((option) => isLong(option) && option.split(/=(.*)/s, 2).some(isLong));
}

function isLong(text: string): boolean {
  return text.length * 3 > LONGEST_VALUE && bytesOf(text) > LONGEST_VALUE;
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/**
 * Makes a filesystem and returns the descriptor of a detached mount. The working directory is `/` afterwards.
 *
 * @param fs The filesystem; it names a directory to cover.
 * @throws {OperationError} Also where the options are too long for mount(2).
 */
export function createByMount(k: Kernel, fs: NewFilesystem, options: readonly string[]): Result {
  const { cover, type, source, flags } = fs;
  if (cover === undefined) throw new OperationError("options", EINVAL, `too long for a ${type} here`, "");
  const label = fs.label ? [`${fs.labelType ?? "context"}="${fs.label}"`] : [];
  const data = [...options, ...label].join(",");
  if (bytesOf(data) > LONGEST_DATA) {
    const object = `of ${bytesOf(data)} bytes (the kernel takes ${LONGEST_DATA})`;
    throw new OperationError("options", EINVAL, object, "");
  }
  const staging = coverWithTmpfs(k, cover);
  k.mkdirat(staging, "m", 0o700);
  k.fchdir(staging);
  k.call("mount", [source, "m", type, flags, data], {
    repair: (errno) => {
      throw new OperationError("mount", errno, "", "");
    },
  });
  const tree = k.openTree(staging, "m", OPEN_TREE_CLONE);
  k.umount("m", MNT_DETACH);
  // From here the tmpfs on the directory is unmounted, and not the mount that the directory is part of.
  k.fchdir(cover);
  k.umount(".", MNT_DETACH);
  k.chdir("/");
  k.close(staging);
  return tree;
}

function coverWithTmpfs(k: Kernel, place: Fd): Result {
  const context = k.fsopen("tmpfs");
  k.fsconfigCreate(context);
  const tmpfs = k.fsmount(context, 0);
  k.close(context);
  k.moveMount(tmpfs, place);
  return tmpfs;
}
