/**
 * Flags of bind mounts, and of mounts that are there already (`remount`).
 *
 * Options that are flags replace all flags of the source. Without such options the source's flags are kept.
 * In a user namespace, flags of the host's mounts are locked. Locked flags that no option names are kept
 * there, and an option that clears a locked flag is an error.
 *
 * Sources: runtime-spec config.md, section Mounts; mount(8), `--bind -o`; mount_namespaces(7); what runc
 * does.
 * @module
 */

import { EPERM } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError } from "../ffi/kernel.ts";
import { decodeStatfsFlags, STATFS_SIZE } from "../ffi/structs.ts";
import {
  type MountOptions,
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_RELATIME,
  MS_REMOUNT,
  MS_STRICTATIME,
} from "../spec/mount_options.ts";
import { ATIME_FLAGS, replacingAttributes } from "./mount_attributes.ts";

/** Flags of mount(2) that say how to mount. They are not flags of the mount itself. */
const NOT_OF_THE_MOUNT = MS_BIND | MS_REC | MS_REMOUNT;

/** Flags of statfs(2) and those of mount(2) that they show: calculate_f_flags() in fs/statfs.c. */
const SHOWN: readonly (readonly [number, number])[] = [
  [1, MS_RDONLY],
  [2, MS_NOSUID],
  [4, MS_NODEV],
  [8, MS_NOEXEC],
  [1024, MS_NOATIME],
  [2048, MS_NODIRATIME],
  [4096, MS_RELATIME],
];

/** Flags that may be locked, by the names that messages call them. */
const NAMES: readonly (readonly [number, string])[] = [
  [MS_RDONLY, "MS_RDONLY"],
  [MS_NOSUID, "MS_NOSUID"],
  [MS_NODEV, "MS_NODEV"],
  [MS_NOEXEC, "MS_NOEXEC"],
  [MS_NOATIME, "MS_NOATIME"],
  [MS_NODIRATIME, "MS_NODIRATIME"],
  [MS_RELATIME, "MS_RELATIME"],
  [MS_STRICTATIME, "MS_STRICTATIME"],
];

/** A mount whose flags are to change, and the name that messages give it. */
export interface Flagged {
  mount: Fd;
  source: string;
  doing: () => string;
}

/** Gives a mount the flags that its options ask for. Its submounts keep theirs. */
export function setFlags(k: Kernel, which: Flagged, options: MountOptions): void {
  if ((options.flags & ~NOT_OF_THE_MOUNT) !== 0 || options.cleared !== 0) {
    replaceFlags(k, which, options);
  }
}

/** Gives an existing mount these flags and no others, as `remount` with `bind` does. */
export function replaceFlags(k: Kernel, which: Flagged, options: MountOptions): void {
  const flags = options.flags & ~NOT_OF_THE_MOUNT;
  k.mountSetattr(which.mount, "", 0, replacingAttributes(flags), {
    repair(errno) {
      if (errno !== EPERM) throw new OperationError("mount_setattr", errno, "", which.doing());
      keepLocked(k, which, flags, options.cleared);
      return "skip";
    },
  });
}

/** Called after the kernel refused to change the flags. Sets those flags that may be set. */
function keepLocked(k: Kernel, { mount, source, doing }: Flagged, flags: number, cleared: number): void {
  const statfs = k.buffer(STATFS_SIZE);
  k.fstatfs(mount, statfs).wait();
  const present = mountFlags(decodeStatfsFlags(statfs));
  const refuse = (what: string, which: number) => {
    const reason = `${what} ${namesOf(which)} locked: cannot clear locked flags of ${JSON.stringify(source)}`;
    throw new OperationError("mount_setattr", EPERM, "", `${doing()}: ${reason}`);
  };
  if (present & cleared) refuse("flags", present & cleared);
  const times = flags & ATIME_FLAGS;
  if (times !== 0 && times !== (present & ATIME_FLAGS)) {
    refuse("atime flags", present & ATIME_FLAGS);
  }
  k.mountSetattr(mount, "", 0, replacingAttributes(flags | present), {
    doing: `${doing()}: set its flags together with the locked ones ${namesOf(present)}`,
  });
}

/** The flags of a mount that may be locked, as flags of mount(2). */
function mountFlags(shown: number): number {
  const flags = SHOWN.reduce((sum, [bit, flag]) => shown & bit ? sum | flag : sum, 0);
  // statfs(2) has no flag for strict access times: a mount without the other two flags has them.
  return flags & (MS_NOATIME | MS_RELATIME) ? flags : flags | MS_STRICTATIME;
}

function namesOf(flags: number): string {
  return NAMES.filter(([flag]) => flags & flag).map(([, name]) => name).join("|");
}
