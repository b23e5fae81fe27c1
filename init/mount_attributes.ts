/**
 * Turns flags of mount(2), which the configuration's options stand for, into attributes of mount_setattr(2)
 * and fsmount(2).
 *
 * Source: path_mount() in fs/namespace.c, which is what mount(2) does with the flags.
 * @module
 */

import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_STRICTATIME,
} from "../spec/mount_options.ts";

/** Flags that are an attribute of their own. */
const PLAIN: readonly (readonly [number, number])[] = [
  [MS_RDONLY, MOUNT_ATTR_RDONLY],
  [MS_NOSUID, MOUNT_ATTR_NOSUID],
  [MS_NODEV, MOUNT_ATTR_NODEV],
  [MS_NOEXEC, MOUNT_ATTR_NOEXEC],
  [MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW],
];

/** Flags that say something of access times. */
export const ATIME_FLAGS = MS_NOATIME | MS_RELATIME | MS_STRICTATIME | MS_NODIRATIME;

/**
 * How access times are kept, as attributes: strictly, or never, or, where nothing says otherwise, relative to
 * changes.
 */
function atimeOf(flags: number): number {
  const kind = flags & MS_STRICTATIME
    ? MOUNT_ATTR_STRICTATIME
    : flags & MS_NOATIME
    ? MOUNT_ATTR_NOATIME
    : MOUNT_ATTR_RELATIME;
  return kind | (flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0);
}

/** The attributes of a new mount with these flags. */
export function newMountAttributes(flags: number): number {
  return PLAIN.reduce((set, [flag, attribute]) => flags & flag ? set | attribute : set, atimeOf(flags));
}

/**
 * What makes these flags, and no others, a mount's own. The times of access are kept as they were where no
 * flag says anything of them.
 */
export function replacingAttributes(flags: number): { set: number; clear: number } {
  const all = PLAIN.reduce((sum, [, attribute]) => sum | attribute, 0);
  const times = MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME;
  const keepTimes = (flags & ATIME_FLAGS) === 0;
  const set = newMountAttributes(flags) & ~(keepTimes ? times : 0);
  // The field of access times must be cleared whole for any of it to change.
  const clear = (all & ~set) | (keepTimes ? 0 : MOUNT_ATTR__ATIME | (MOUNT_ATTR_NODIRATIME & ~set));
  return { set, clear };
}
