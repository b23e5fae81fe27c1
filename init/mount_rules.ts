/**
 * Where a container's mounts may go, as far as the configuration alone tells.
 *
 * Mounting over /proc has undone the protections that are written through it (CVE-2019-16884, CVE-2015-3631).
 * @module
 */

import { type MountOptions, MS_BIND } from "../spec/mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { isLxcfsFile } from "../spec/lxcfs.ts";
import { cleanPath } from "../spec/clean_path.ts";

/**
 * A mount's destination as a clean absolute path.
 *
 * @throws {Error} When nothing may be mounted there.
 */
export function checkDestination(mount: Mount, options: MountOptions): string {
  const destination = cleanPath(`/${mount.destination}`);
  const quoted = JSON.stringify(mount.destination);
  if (destination === "/") throw new Error(`mountpoint ${quoted} is on the top of rootfs`);
  const bind = (options.flags & MS_BIND) !== 0;
  if (destination === "/proc" && mount.type !== "proc" && !bind) {
    throw new Error(`${quoted} cannot be mounted because it is not of type proc`);
  }
  if (destination.startsWith("/proc/") && !isLxcfsFile(destination)) {
    throw new Error(`${quoted} cannot be mounted because it is inside /proc`);
  }
  return destination;
}
