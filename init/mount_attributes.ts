/**
 * Turns flags of mount(2), which the configuration's options stand for, into attributes of mount_setattr(2)
 * and fsmount(2).
 *
 * Source: path_mount() in fs/namespace.c, which is what mount(2) does with the flags.
 * @module
 */

import * as m from "../spec/mount_options.ts";

/** Flags that are an attribute of their own. */
const PLAIN: readonly (readonly [number, number])[] = [
  [m.MS_RDONLY, m.MOUNT_ATTR_RDONLY],
  [m.MS_NOSUID, m.MOUNT_ATTR_NOSUID],
  [m.MS_NODEV, m.MOUNT_ATTR_NODEV],
  [m.MS_NOEXEC, m.MOUNT_ATTR_NOEXEC],
  [m.MS_NOSYMFOLLOW, m.MOUNT_ATTR_NOSYMFOLLOW],
];

/** Flags that say something of access times. */
export const ATIME_FLAGS = m.MS_NOATIME | m.MS_RELATIME | m.MS_STRICTATIME | m.MS_NODIRATIME;

/** How access times are kept, as attributes: strictly, or never, or, where nothing says otherwise, relative to changes. */
function atimeOf(flags: number): number {
  const kind = flags & m.MS_STRICTATIME
    ? m.MOUNT_ATTR_STRICTATIME
    : flags & m.MS_NOATIME
    ? m.MOUNT_ATTR_NOATIME
    : m.MOUNT_ATTR_RELATIME;
  return kind | (flags & m.MS_NODIRATIME ? m.MOUNT_ATTR_NODIRATIME : 0);
}

/** The attributes of a new mount with these flags. */
export function newMountAttributes(flags: number): number {
  return PLAIN.reduce((set, [flag, attribute]) => flags & flag ? set | attribute : set, atimeOf(flags));
}

/**
 * What makes these flags, and no others, a mount's own. The times of access are kept as they were where no flag says
 * anything of them.
 */
export function replacingAttributes(flags: number): { set: number; clear: number } {
  const all = PLAIN.reduce((sum, [, attribute]) => sum | attribute, 0);
  const times = m.MOUNT_ATTR__ATIME | m.MOUNT_ATTR_NODIRATIME;
  const keepTimes = (flags & ATIME_FLAGS) === 0;
  const set = newMountAttributes(flags) & ~(keepTimes ? times : 0);
  // The field of access times must be cleared whole for any of it to change.
  const clear = (all & ~set) | (keepTimes ? 0 : m.MOUNT_ATTR__ATIME | (m.MOUNT_ATTR_NODIRATIME & ~set));
  return { set, clear };
}
