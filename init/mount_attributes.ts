/**
 * Flags of mount(2), which the configuration's options stand for, as attributes of mount_setattr(2) and fsmount(2).
 * @module
 */

import * as m from "../spec/mount_options.ts";

/** Flags that are an attribute of their own. */
const PLAIN: readonly (readonly [number, number])[] = [
  [m.MS_RDONLY, m.MOUNT_ATTR_RDONLY],
  [m.MS_NOSUID, m.MOUNT_ATTR_NOSUID],
  [m.MS_NODEV, m.MOUNT_ATTR_NODEV],
  [m.MS_NOEXEC, m.MOUNT_ATTR_NOEXEC],
  [m.MS_NODIRATIME, m.MOUNT_ATTR_NODIRATIME],
  [m.MS_NOSYMFOLLOW, m.MOUNT_ATTR_NOSYMFOLLOW],
];

/** Flags that choose how access times are kept; the attributes of these are one field, not bits. */
const ATIME: readonly (readonly [number, number])[] = [
  [m.MS_RELATIME, m.MOUNT_ATTR_RELATIME],
  [m.MS_STRICTATIME, m.MOUNT_ATTR_STRICTATIME],
  [m.MS_NOATIME, m.MOUNT_ATTR_NOATIME],
];

/**
 * The attributes to set and to clear for a mount's flags; what neither names stays as it is.
 *
 * @param flags MS_* that options switch on.
 * @param cleared MS_* that options switch off.
 */
export function mountAttributes(flags: number, cleared: number): { set: number; clear: number } {
  let set = 0, clear = 0;
  for (const [flag, attribute] of PLAIN) {
    if (flags & flag) set |= attribute;
    else if (cleared & flag) clear |= attribute;
  }
  for (const [flag, attribute] of ATIME) {
    if (flags & flag) set = (set & ~m.MOUNT_ATTR__ATIME) | attribute;
    // The whole field must be cleared for any of it to change; what is left then is relatime, the default.
    if ((flags | cleared) & flag) clear |= m.MOUNT_ATTR__ATIME;
  }
  return { set, clear };
}
