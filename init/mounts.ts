/**
 * `mounts`: each entry becomes a detached mount, is given its attributes, and is then attached in one step.
 *
 * Sources: runtime-spec config.md, section Mounts; fsopen(2), fsconfig(2), fsmount(2), open_tree(2),
 * move_mount(2), mount_setattr(2). These calls never name a place twice, so nothing can be exchanged in
 * between. An attribute that no option mentions is kept, also a locked one.
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import {
  AT_FDCWD,
  AT_RECURSIVE,
  O_DIRECTORY,
  O_RDONLY,
  OPEN_TREE_CLONE,
  PROC_SUPER_MAGIC,
  S_IFDIR,
  S_IFMT,
} from "../ffi/constants.ts";
import { EINVAL, ENOTDIR } from "../ffi/errno.ts";
import { type Fd, inStep, OperationError } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { decodeStatfsType, decodeStatx, STATFS_SIZE, STATX_SIZE } from "../ffi/structs.ts";
import {
  MOUNT_ATTR_RDONLY,
  type MountOptions,
  MS_BIND,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  parseMountOptions,
} from "../spec/mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { replaceFlags, setFlags } from "./bind_flags.ts";
import { DIRECTORY, type Found, notMountable, openOrdinary, openPlace } from "./destination.ts";
import { openInRoot } from "./in_root.ts";
import type { MountContext } from "./mount_context.ts";
import { createFilesystem } from "./filesystem.ts";
import { newMountAttributes } from "./mount_attributes.ts";
import { mountDestination } from "../spec/rules/mounts.ts";

/** The text for a mount in error messages. */
export function describeMount(mount: Mount): string {
  const flags = mount.options?.length ? `, options=${mount.options.join(",")}` : "";
  return `mount ${JSON.stringify(mount.source ?? "")} to ${JSON.stringify(mount.destination)} (type=${
    mount.type ?? ""
  }${flags})`;
}

/**
 * The step of a mount, in the words that clients look for, with the mount as it was asked for behind them.
 */
export function mountStep(mount: Mount): string {
  const [source, destination] = [mount.source ?? "", mount.destination].map((path) => JSON.stringify(path));
  return `error mounting ${source} to rootfs at ${destination}: ${describeMount(mount)}`;
}

/** The number of a descriptor. The kernel is asked for it where it is not known yet. */
function valueOf(fd: Fd): number {
  return typeof fd === "number" ? fd : fd.wait();
}

/** Whether a mount is a bind mount. The options decide, not `type`. */
export function isBind(options: MountOptions): boolean {
  return (options.flags & MS_BIND) !== 0;
}

/**
 * Mounts one entry. The kernel's process is in the container's mount namespace, and its root is still the
 * host's.
 */
export function mountOne(k: Recorder, context: MountContext, mount: Mount): void {
  const doing = mountStep(mount);
  try {
    k.during(doing, () => {
      const options = parseMountOptions(mount.options);
      const destination = mountDestination(mount.destination, mount.type, options, (reason) => {
        throw new TsrunError({ code: "EINVAL_MOUNT_POINT", operation: "mount", reason, message: reason });
      });
      if (options.flags & MS_REMOUNT) remount(k, context, mount, options, destination);
      else if (isBind(options)) {
        bindMount(k, context, mount, options, bindPlaces(context, mount, destination));
      } else newMount(k, context, mount, options, destination);
    });
  } catch (error) {
    throw inStep(error, doing);
  }
}

/** The two ends of a bind mount, as absolute paths. */
export interface BindPlaces {
  source: string;
  destination: string;
}

/** The ends of a bind mount of a container. @param destination Clean and absolute. */
export function bindPlaces({ bundle }: MountContext, mount: Mount, destination: string): BindPlaces {
  return { source: mount.source!.startsWith("/") ? mount.source! : `${bundle}/${mount.source}`, destination };
}

/** Makes a bind mount. */
export function bindMount(
  k: Recorder,
  context: MountContext,
  mount: Mount,
  options: MountOptions,
  { source, destination }: BindPlaces,
): void {
  const recursive = options.flags & MS_REC ? AT_RECURSIVE : 0;
  const flags = OPEN_TREE_CLONE | recursive;
  const tree = context.openSource?.(mount, source, flags) ?? k.openTree(AT_FDCWD, source, flags);
  setFlags(k, { mount: tree, source, doing: () => mountStep(mount) }, options);
  if (destination === "/proc") onlyProc(k, context, tree, mount.destination);
  const place = openPlace(k, context, destination, { kind: () => kindOf(k, tree), like: tree });
  attach(k, context, tree, place, options, mount.destination);
  k.close(tree);
}

/**
 * `remount`: changes what is mounted there already; the flags of the mount alone with `bind`, or its
 * filesystem too.
 */
function remount(
  k: Recorder,
  context: MountContext,
  mount: Mount,
  options: MountOptions,
  destination: string,
): void {
  const place = openInRoot(k, context.root, destination);
  const { type = "", source = "" } = mount;
  const late = isBind(options) ? false : becomesReadonlyLate(type, destination, options);
  if (isBind(options)) {
    replaceFlags(k, { mount: place, source: mount.destination, doing: () => mountStep(mount) }, options);
  } else {
    k.fchdir(place);
    const flags = late ? options.flags & ~MS_RDONLY : options.flags;
    k.call("mount", [source, ".", type, flags, options.data.join(",")], {
      repair: (errno) => {
        throw new OperationError("mount", errno, "", "");
      },
    });
    k.chdir("/");
  }
  attributesBelow(k, place, options);
  propagate(k, place, options);
  if (late) context.later("read-only mounts", () => makeReadonly(k, place));
  else k.close(place);
}

/** Adds the check that a bind mount over /proc is a procfs too. */
function onlyProc(k: Recorder, context: MountContext, tree: Fd, destination: string): void {
  const statfs = k.buffer(STATFS_SIZE);
  k.fstatfs(tree, statfs);
  context.later("mount checks", () => {
    if (decodeStatfsType(statfs) !== PROC_SUPER_MAGIC) {
      throw notMountable(destination, "it is not of type proc");
    }
  });
}

/** Whether a descriptor leads to a directory. */
function kindOf(k: Recorder, tree: Fd): "directory" | "file" {
  const buffer = k.buffer(STATX_SIZE);
  k.statx(tree, "", buffer).wait();
  return (decodeStatx(buffer).mode & S_IFMT) === S_IFDIR ? "directory" : "file";
}

function newMount(
  k: Recorder,
  context: MountContext,
  mount: Mount,
  options: MountOptions,
  destination: string,
): void {
  const type = mount.type ?? "";
  const ordinary = type === "proc" || type === "sysfs";
  const found: Found = { made: () => false };
  const place = ordinary
    ? openOrdinary(k, context, destination, type)
    : openPlace(k, context, destination, DIRECTORY, found);
  const data = type === "tmpfs" ? tmpfsData(k, place, found, options.data) : options.data;
  const late = becomesReadonlyLate(type, destination, options);
  const flags = late ? options.flags & ~MS_RDONLY : options.flags;
  const tree = createFilesystem(k, {
    type,
    source: mount.source ?? "",
    data,
    flags,
    attributes: newMountAttributes(flags),
    label: UNLABELLED.includes(type) ? undefined : context.label,
    labelType: context.labelType,
    cover: context.root,
  });
  if (type === "mqueue" && context.label) labelRoot(k, tree, context.label);
  if (options.copyUp && type === "tmpfs") {
    k.during("tmpcopyup", () => context.copyUp(valueOf(place), valueOf(tree)));
  }
  attach(k, context, tree, place, options, mount.destination);
  if (type === "tmpfs" && !options.copyUp) context.fresh.add(destination);
  if (late) context.later("read-only mounts", () => makeReadonly(k, tree));
  else k.close(tree);
}

/**
 * A tmpfs, and any mount on /dev, becomes read-only at the end: a mount in it may need a mount point made.
 */
function becomesReadonlyLate(type: string, destination: string, { flags }: MountOptions): boolean {
  return (type === "tmpfs" || destination === "/dev") && (flags & MS_RDONLY) !== 0;
}

function makeReadonly(k: Recorder, mount: Fd): void {
  k.mountSetattr(mount, "", 0, { set: MOUNT_ATTR_RDONLY });
}

/**
 * Filesystems that take no context for all of their files. The policy labels them; mqueue takes a context for
 * its root.
 */
const UNLABELLED: readonly string[] = ["proc", "sysfs", "mqueue", "cgroup2"];

function labelRoot(k: Recorder, tree: Fd, label: string): void {
  const directory = k.openat(tree, ".", O_RDONLY | O_DIRECTORY);
  const value = new TextEncoder().encode(label);
  const doing = `set the SELinux label ${JSON.stringify(label)}`;
  k.call("fsetxattr", [directory, "security.selinux", value, value.length, 0], { doing });
  k.close(directory);
}

/**
 * Attaches a detached mount. Its recursive attributes are set before it can be seen. Its propagation is set
 * afterwards, because a mount that is attached to a shared one becomes shared.
 */
function attach(
  k: Recorder,
  context: MountContext,
  tree: Fd,
  place: Fd,
  options: MountOptions,
  destination: string,
): void {
  attributesBelow(k, tree, options);
  context.attaching?.(tree);
  k.moveMount(tree, place, {
    repair(errno) {
      // For a file on a directory the kernel answers EINVAL. Clients know mount(2)'s answer, which is
      // ENOTDIR.
      const mismatch = errno === EINVAL && kindOf(k, tree) !== kindOf(k, place);
      throw new OperationError("attach to", mismatch ? ENOTDIR : errno, JSON.stringify(destination), "");
    },
  });
  propagate(k, tree, options);
  k.close(place);
}

function attributesBelow(
  k: Recorder,
  tree: Fd,
  { recursiveSet: set, recursiveClear: clear }: MountOptions,
): void {
  if (set || clear) k.mountSetattr(tree, "", AT_RECURSIVE, { set, clear });
}

/** Sets the propagation of an attached mount: of the mount alone, or with all below. */
export function propagate(k: Recorder, tree: Fd, options: MountOptions): void {
  for (const propagation of options.propagation) {
    const recursive = propagation & MS_REC ? AT_RECURSIVE : 0;
    k.mountSetattr(tree, "", recursive, { propagation: propagation & ~MS_REC });
  }
}

/**
 * A tmpfs keeps the mode of the directory that it covers, unless its options name a mode or the directory is
 * new.
 */
function tmpfsData(k: Recorder, place: Fd, { made }: Found, data: readonly string[]): readonly string[] {
  if (data.some((option) => option.startsWith("mode="))) return data;
  const buffer = k.buffer(STATX_SIZE);
  k.statx(place, "", buffer).wait();
  if (made()) return data;
  return [`mode=${(decodeStatx(buffer).mode & 0o7777).toString(8).padStart(4, "0")}`, ...data];
}
