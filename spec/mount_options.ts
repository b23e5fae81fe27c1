/**
 * Mount options: mount(8), mount(2), mount_setattr(2), and runtime-spec `config.md`, section Linux mount
 * options.
 *
 * @module
 */
import { lookup } from "./tables.ts";

/** Flags of mount(2): linux/mount.h. */
export const MS_RDONLY = 1;
export const MS_NOSUID = 2;
export const MS_NODEV = 4;
export const MS_NOEXEC = 8;
export const MS_SYNCHRONOUS = 16;
export const MS_REMOUNT = 32;
export const MS_MANDLOCK = 64;
export const MS_DIRSYNC = 128;
export const MS_NOSYMFOLLOW = 256;
export const MS_NOATIME = 1024;
export const MS_NODIRATIME = 2048;
export const MS_BIND = 4096;
export const MS_REC = 16384;
export const MS_SILENT = 32768;
export const MS_UNBINDABLE = 1 << 17;
export const MS_PRIVATE = 1 << 18;
export const MS_SLAVE = 1 << 19;
export const MS_SHARED = 1 << 20;
export const MS_RELATIME = 1 << 21;
export const MS_I_VERSION = 1 << 23;
export const MS_STRICTATIME = 1 << 24;
export const MS_LAZYTIME = 1 << 25;

/** Attributes of mount_setattr(2): linux/mount.h. */
export const MOUNT_ATTR_RDONLY = 0x1;
export const MOUNT_ATTR_NOSUID = 0x2;
export const MOUNT_ATTR_NODEV = 0x4;
export const MOUNT_ATTR_NOEXEC = 0x8;
/** The field of the access time attributes: it holds one of the next three values, not a set of bits. */
export const MOUNT_ATTR__ATIME = 0x70;
export const MOUNT_ATTR_RELATIME = 0x0;
export const MOUNT_ATTR_NOATIME = 0x10;
export const MOUNT_ATTR_STRICTATIME = 0x20;
export const MOUNT_ATTR_NODIRATIME = 0x80;
export const MOUNT_ATTR_IDMAP = 0x100000;
export const MOUNT_ATTR_NOSYMFOLLOW = 0x200000;

/** Options that set a flag of mount(2). `defaults` sets none, and is not data of the filesystem either. */
export const MOUNT_FLAGS_SET = {
  bind: MS_BIND,
  defaults: 0,
  dirsync: MS_DIRSYNC,
  iversion: MS_I_VERSION,
  lazytime: MS_LAZYTIME,
  mand: MS_MANDLOCK,
  noatime: MS_NOATIME,
  nodev: MS_NODEV,
  nodiratime: MS_NODIRATIME,
  noexec: MS_NOEXEC,
  nosuid: MS_NOSUID,
  nosymfollow: MS_NOSYMFOLLOW,
  rbind: MS_BIND | MS_REC,
  relatime: MS_RELATIME,
  remount: MS_REMOUNT,
  ro: MS_RDONLY,
  silent: MS_SILENT,
  strictatime: MS_STRICTATIME,
  sync: MS_SYNCHRONOUS,
} as const;

/** Options that clear a flag of mount(2). */
export const MOUNT_FLAGS_CLEAR = {
  async: MS_SYNCHRONOUS,
  atime: MS_NOATIME,
  dev: MS_NODEV,
  diratime: MS_NODIRATIME,
  exec: MS_NOEXEC,
  loud: MS_SILENT,
  noiversion: MS_I_VERSION,
  nolazytime: MS_LAZYTIME,
  nomand: MS_MANDLOCK,
  norelatime: MS_RELATIME,
  nostrictatime: MS_STRICTATIME,
  rw: MS_RDONLY,
  suid: MS_NOSUID,
  symfollow: MS_NOSYMFOLLOW,
} as const;

/** Options that change the propagation type, each by a call of mount(2) of its own. */
export const MOUNT_PROPAGATION = {
  private: MS_PRIVATE,
  rprivate: MS_PRIVATE | MS_REC,
  rshared: MS_SHARED | MS_REC,
  rslave: MS_SLAVE | MS_REC,
  runbindable: MS_UNBINDABLE | MS_REC,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
} as const;

/** Options that set an attribute of the mount and of all mounts below: mount_setattr(2) with AT_RECURSIVE. */
export const MOUNT_RECURSIVE_SET = {
  rnoatime: MOUNT_ATTR_NOATIME,
  rnodev: MOUNT_ATTR_NODEV,
  rnodiratime: MOUNT_ATTR_NODIRATIME,
  rnoexec: MOUNT_ATTR_NOEXEC,
  rnosuid: MOUNT_ATTR_NOSUID,
  rnosymfollow: MOUNT_ATTR_NOSYMFOLLOW,
  rrelatime: MOUNT_ATTR_RELATIME,
  rro: MOUNT_ATTR_RDONLY,
  rstrictatime: MOUNT_ATTR_STRICTATIME,
} as const;

/** Options that clear an attribute of the mount and of all mounts below. */
export const MOUNT_RECURSIVE_CLEAR = {
  ratime: MOUNT_ATTR_NOATIME,
  rdev: MOUNT_ATTR_NODEV,
  rdiratime: MOUNT_ATTR_NODIRATIME,
  rexec: MOUNT_ATTR_NOEXEC,
  rnorelatime: MOUNT_ATTR_RELATIME,
  rnostrictatime: MOUNT_ATTR_STRICTATIME,
  rrw: MOUNT_ATTR_RDONLY,
  rsuid: MOUNT_ATTR_NOSUID,
  rsymfollow: MOUNT_ATTR_NOSYMFOLLOW,
} as const;

/** The option that fills a tmpfs with the image's files at its destination. */
export const MOUNT_COPY_UP = "tmpcopyup";

/** The parsed form of a list of mount options. */
export interface MountOptions {
  /** Flags of mount(2) that are on. Of two contrary options the later one counts. */
  flags: number;
  /** Flags of mount(2) that an option switched off. */
  cleared: number;
  /** Propagation changes, in order, each as flags of mount(2). */
  propagation: number[];
  /** `attr_set` of mount_setattr(2). */
  recursiveSet: number;
  /** `attr_clr` of mount_setattr(2). */
  recursiveClear: number;
  /** Id mapping of the mount: alone, or with all mounts below. Undefined where no option names one. */
  idmap?: "recursive" | "single";
  /** Fill the tmpfs with the image's files. */
  copyUp: boolean;
  /** Data of the filesystem, to be joined by commas. */
  data: string[];
}

/** Sorts a list of mount options by kind. Options that are not in the tables are data of the filesystem. */
export function parseMountOptions(options: readonly string[] | undefined): MountOptions {
  const parsed: MountOptions = {
    flags: 0,
    cleared: 0,
    propagation: [],
    recursiveSet: 0,
    recursiveClear: 0,
    copyUp: false,
    data: [],
  };
  for (const option of options ?? []) applyOption(parsed, option);
  return parsed;
}

function applyOption(parsed: MountOptions, option: string): void {
  let flag: number | undefined;
  if ((flag = lookup(MOUNT_FLAGS_SET, option)) !== undefined) {
    parsed.flags |= flag;
    parsed.cleared &= ~flag;
  } else if ((flag = lookup(MOUNT_FLAGS_CLEAR, option)) !== undefined) {
    parsed.flags &= ~flag;
    parsed.cleared |= flag;
  } else if ((flag = lookup(MOUNT_PROPAGATION, option)) !== undefined) {
    parsed.propagation.push(flag);
  } else if ((flag = lookup(MOUNT_RECURSIVE_SET, option)) !== undefined) {
    applyRecursive(parsed, flag, true);
  } else if ((flag = lookup(MOUNT_RECURSIVE_CLEAR, option)) !== undefined) {
    applyRecursive(parsed, flag, false);
  } else if (option === MOUNT_COPY_UP) {
    parsed.copyUp = true;
  } else if (option === "idmap" || option === "ridmap") {
    parsed.idmap = option === "ridmap" ? "recursive" : "single";
  } else {
    parsed.data.push(option);
  }
}

/**
 * Adds one attribute. mount_setattr(2) requires the whole access time field to be cleared whenever it is set.
 */
function applyRecursive(parsed: MountOptions, flag: number, set: boolean): void {
  if ((flag & MOUNT_ATTR__ATIME) === flag) {
    parsed.recursiveClear |= MOUNT_ATTR__ATIME;
    // Without the attribute that is taken back, the kernel's default remains, which is relatime.
    const old = parsed.recursiveSet & MOUNT_ATTR__ATIME;
    if (set) parsed.recursiveSet = (parsed.recursiveSet & ~MOUNT_ATTR__ATIME) | flag;
    else if (old === flag) parsed.recursiveSet &= ~MOUNT_ATTR__ATIME;
  } else if (set) {
    parsed.recursiveSet |= flag;
    parsed.recursiveClear &= ~flag;
  } else {
    parsed.recursiveSet &= ~flag;
    parsed.recursiveClear |= flag;
  }
}

/** All options of the tables, sorted. The features document lists id mapping in another place. */
export function knownMountOptions(): string[] {
  return [
    ...Object.keys(MOUNT_FLAGS_SET),
    ...Object.keys(MOUNT_FLAGS_CLEAR),
    ...Object.keys(MOUNT_PROPAGATION),
    ...Object.keys(MOUNT_RECURSIVE_SET),
    ...Object.keys(MOUNT_RECURSIVE_CLEAR),
    MOUNT_COPY_UP,
  ].sort();
}
