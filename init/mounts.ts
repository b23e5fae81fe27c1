/**
 * `mounts`: each entry becomes a detached mount, is given its attributes, and is then attached in one step.
 *
 * Sources: runtime-spec config.md, section Mounts; fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2),
 * mount_setattr(2). The new calls never name a place twice, so nothing can be exchanged in between, and an
 * attribute that an option does not mention is kept, a locked one included.
 * @module
 */

import * as c from "../ffi/constants.ts";
import { EINVAL, ELOOP, ENOTDIR } from "../ffi/errno.ts";
import { type Fd, inStep, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import { readStatfsType, readStatx, STATFS_SIZE, STATX_SIZE } from "../ffi/structs.ts";
import * as m from "../spec/mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { replaceFlags, setFlags } from "./bind_flags.ts";
import { openInRoot } from "./in_root.ts";
import { createFilesystem } from "./filesystem.ts";
import { newMountAttributes } from "./mount_attributes.ts";
import { isLxcfsFile } from "../spec/lxcfs.ts";
import { mountDestination } from "../spec/rules/mounts.ts";

/** What mounting needs to know beside the mount itself. */
export interface MountContext {
  /** Descriptor of the rootfs. */
  root: Fd;
  /** Absolute path of the bundle; relative bind sources start here. */
  bundle: string;
  /**
   * Adds a step to a later stage: a check to the one that begins when all is mounted and the kernel has answered, and
   * what becomes read-only to the one when nothing more is made in it.
   */
  later: (stage: "mount checks" | "read-only mounts", step: () => void) => void;
  /** Destinations of the tmpfs mounts made so far: nobody else has been in them, so places can be made at once. */
  fresh: Set<string>;
  /** Copies one directory's content into another, both given as descriptors of the kernel's process. */
  copyUp: (from: number, to: number) => void;
  /** Clones the source of a bind mount (open_tree(2)), where that takes more than the call: other rights, other ids. */
  openSource?: (mount: Mount, source: string, flags: number) => Fd;
  /** `linux.mountLabel`: SELinux context of new filesystems. */
  label?: string;
}

/** The text that errors call a mount by. */
export function describeMount(mount: Mount): string {
  const flags = mount.options?.length ? `, options=${mount.options.join(",")}` : "";
  return `mount ${JSON.stringify(mount.source ?? "")} to ${JSON.stringify(mount.destination)} (type=${
    mount.type ?? ""
  }${flags})`;
}

/** The step of a mount, in the words that clients look for, with the mount as it was asked for behind them. */
export function mountStep(mount: Mount): string {
  const [source, destination] = [mount.source ?? "", mount.destination].map((path) => JSON.stringify(path));
  return `error mounting ${source} to rootfs at ${destination}: ${describeMount(mount)}`;
}

/** The number of a descriptor, asked of the kernel if it is not known yet. */
function valueOf(fd: Fd): number {
  return typeof fd === "number" ? fd : fd.wait();
}

/** Whether a mount is a bind mount: the options say so, whatever `type` says. */
export function isBind(options: m.MountOptions): boolean {
  return (options.flags & m.MS_BIND) !== 0;
}

/** Mounts one entry; the kernel's process is in the container's mount namespace, not yet in its root. */
export function mountOne(k: Kernel, context: MountContext, mount: Mount): void {
  const doing = mountStep(mount);
  try {
    k.during(doing, () => {
      const options = m.parseMountOptions(mount.options);
      const destination = mountDestination(mount.destination, mount.type, options, (reason) => {
        throw new Error(reason);
      });
      if (options.flags & m.MS_REMOUNT) remount(k, context, mount, options, destination);
      else if (isBind(options)) bindMount(k, context, mount, options, destination);
      else newMount(k, context, mount, options, destination);
    });
  } catch (error) {
    throw inStep(error, doing);
  }
}

function bindMount(
  k: Kernel,
  context: MountContext,
  mount: Mount,
  options: m.MountOptions,
  destination: string,
): void {
  const source = mount.source!.startsWith("/") ? mount.source! : `${context.bundle}/${mount.source}`;
  const recursive = options.flags & m.MS_REC ? c.AT_RECURSIVE : 0;
  const flags = c.OPEN_TREE_CLONE | recursive;
  const tree = context.openSource?.(mount, source, flags) ?? k.openTree(c.AT_FDCWD, source, flags);
  setFlags(k, { mount: tree, source, doing: mountStep(mount) }, options);
  if (destination === "/proc") onlyProc(k, context, tree, mount.destination);
  const place = openPlace(k, context, destination, () => kindOf(k, tree));
  attach(k, tree, place, options, mount.destination);
  k.close(tree);
}

/** `remount`: changes what is mounted there already; the flags of the mount alone with `bind`, or its filesystem too. */
function remount(
  k: Kernel,
  context: MountContext,
  mount: Mount,
  options: m.MountOptions,
  destination: string,
): void {
  const place = openInRoot(k, context.root, destination);
  const { type = "", source = "" } = mount;
  const late = isBind(options) ? false : becomesReadonlyLate(type, destination, options);
  if (isBind(options)) {
    replaceFlags(k, { mount: place, source: mount.destination, doing: mountStep(mount) }, options);
  } else {
    k.fchdir(place);
    const flags = late ? options.flags & ~m.MS_RDONLY : options.flags;
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

/** /proc may be covered by a bind mount only if that is a procfs too. */
function onlyProc(k: Kernel, context: MountContext, tree: Fd, destination: string): void {
  const statfs = k.buffer(STATFS_SIZE);
  k.fstatfs(tree, statfs);
  context.later("mount checks", () => {
    if (readStatfsType(statfs) !== c.PROC_SUPER_MAGIC) {
      throw new Error(`${JSON.stringify(destination)} cannot be mounted because it is not of type proc`);
    }
  });
}

/** Whether a descriptor shows a directory. */
function kindOf(k: Kernel, tree: Fd): "directory" | "file" {
  const buffer = k.buffer(STATX_SIZE);
  k.statx(tree, "", buffer).wait();
  return (readStatx(buffer).mode & c.S_IFMT) === c.S_IFDIR ? "directory" : "file";
}

function newMount(
  k: Kernel,
  context: MountContext,
  mount: Mount,
  options: m.MountOptions,
  destination: string,
): void {
  const type = mount.type ?? "";
  const ordinary = type === "proc" || type === "sysfs";
  const found: Found = { made: () => false };
  const place = ordinary
    ? openOrdinary(k, context, destination, type)
    : openPlace(k, context, destination, "directory", found);
  const data = type === "tmpfs" ? tmpfsData(k, place, found, options.data) : options.data;
  const late = becomesReadonlyLate(type, destination, options);
  const flags = late ? options.flags & ~m.MS_RDONLY : options.flags;
  const tree = createFilesystem(k, {
    type,
    source: mount.source ?? "",
    data,
    flags,
    attributes: newMountAttributes(flags),
    label: UNLABELLED.includes(type) ? undefined : context.label,
    cover: context.root,
  });
  if (type === "mqueue" && context.label) labelRoot(k, tree, context.label);
  if (options.copyUp && type === "tmpfs") {
    k.during("tmpcopyup", () => context.copyUp(valueOf(place), valueOf(tree)));
  }
  attach(k, tree, place, options, mount.destination);
  if (type === "tmpfs" && !options.copyUp) context.fresh.add(destination);
  if (late) context.later("read-only mounts", () => makeReadonly(k, tree));
  else k.close(tree);
}

/** A tmpfs, and anything on /dev, becomes read-only at the end: what is mounted in it may need a place made. */
function becomesReadonlyLate(type: string, destination: string, { flags }: m.MountOptions): boolean {
  return (type === "tmpfs" || destination === "/dev") && (flags & m.MS_RDONLY) !== 0;
}

function makeReadonly(k: Kernel, mount: Fd): void {
  k.mountSetattr(mount, "", 0, { set: m.MOUNT_ATTR_RDONLY });
}

/** Filesystems that take no context for all that is in them: the policy labels it, and mqueue takes one for its root. */
const UNLABELLED: readonly string[] = ["proc", "sysfs", "mqueue", "cgroup2"];

function labelRoot(k: Kernel, tree: Fd, label: string): void {
  const directory = k.openat(tree, ".", c.O_RDONLY | c.O_DIRECTORY);
  const value = new TextEncoder().encode(label);
  const doing = `set the SELinux label ${JSON.stringify(label)}`;
  k.call("fsetxattr", [directory, "security.selinux", value, value.length, 0], { doing });
  k.close(directory);
}

/** /proc and /sys are mounted on real directories only: a symlink there once redirected them (CVE-2019-19921, CVE-2023-27561). */
function openOrdinary(k: Kernel, context: MountContext, destination: string, type: string): Result {
  const flags = c.O_PATH | c.O_DIRECTORY | c.O_NOFOLLOW;
  return openInRoot(k, context.root, destination, {
    flags,
    resolve: c.RESOLVE_NO_SYMLINKS,
    missing: "directory",
    explain: (errno) =>
      errno === ELOOP || errno === ENOTDIR
        ? new Error(`filesystem ${JSON.stringify(type)} must be mounted on ordinary directory`)
        : new OperationError("open", errno, JSON.stringify(destination), ""),
  });
}

/** What opening a destination has found. */
interface Found {
  /** Whether it was missing; asked when the kernel has opened it. */
  made: () => boolean;
}

/** Opens a destination, made if it is missing, and has what it is checked once the kernel has answered. */
function openPlace(
  k: Kernel,
  context: MountContext,
  destination: string,
  missing: "directory" | (() => "directory" | "file"),
  found?: Found,
): Result {
  const place = openFresh(k, context, destination, missing, found) ??
    openMade(k, context, destination, missing, found);
  if (destination === "/proc" || isLxcfsFile(destination)) return place;
  // A symlink of the image may have led into /proc all the same.
  const statfs = k.buffer(STATFS_SIZE);
  k.fstatfs(place, statfs);
  context.later("mount checks", () => {
    if (readStatfsType(statfs) === c.PROC_SUPER_MAGIC) {
      throw new Error(`${JSON.stringify(destination)} cannot be mounted because it is inside /proc`);
    }
  });
  return place;
}

function openMade(
  k: Kernel,
  { root }: MountContext,
  destination: string,
  missing: "directory" | (() => "directory" | "file"),
  found?: Found,
): Result {
  if (found === undefined) return openInRoot(k, root, destination, { missing });
  let made = false;
  found.made = () => made;
  const make = () => {
    made = true;
    return typeof missing === "function" ? missing() : missing;
  };
  return openInRoot(k, root, destination, { missing: make });
}

/**
 * A directory right below a tmpfs that was just made is made and opened without asking whether it is there: /dev/pts,
 * /dev/shm and /dev/mqueue never are, and each question is a round trip.
 */
function openFresh(
  k: Kernel,
  context: MountContext,
  destination: string,
  missing: unknown,
  found?: Found,
): Result | undefined {
  const slash = destination.lastIndexOf("/");
  const parent = destination.slice(0, slash), name = destination.slice(slash + 1);
  if (missing !== "directory" || !context.fresh.has(parent)) return undefined;
  const directory = openInRoot(k, context.root, parent, { flags: c.O_PATH | c.O_DIRECTORY });
  const made = k.mkdirat(directory, name, 0o755, { allow: "any" });
  if (found) found.made = () => made.wait() >= 0;
  const resolve = c.RESOLVE_BENEATH | c.RESOLVE_NO_SYMLINKS;
  const place = k.openat2(directory, name, c.O_PATH | c.O_DIRECTORY, resolve);
  k.close(directory);
  return place;
}

/**
 * Attaches a detached mount, its recursive attributes set before anybody can see it. Its propagation comes after: a
 * mount that is attached to a shared one is made shared.
 */
function attach(
  k: Kernel,
  tree: Fd,
  place: Fd,
  options: m.MountOptions,
  destination: string,
): void {
  attributesBelow(k, tree, options);
  k.moveMount(tree, place, {
    repair(errno) {
      // The kernel says EINVAL of a file on a directory, where mount(2) says what clients know.
      const mismatch = errno === EINVAL && kindOf(k, tree) !== kindOf(k, place);
      throw new OperationError("attach to", mismatch ? ENOTDIR : errno, JSON.stringify(destination), "");
    },
  });
  propagate(k, tree, options);
  k.close(place);
}

function attributesBelow(
  k: Kernel,
  tree: Fd,
  { recursiveSet: set, recursiveClear: clear }: m.MountOptions,
): void {
  if (set || clear) k.mountSetattr(tree, "", c.AT_RECURSIVE, { set, clear });
}

function propagate(k: Kernel, tree: Fd, options: m.MountOptions): void {
  for (const propagation of options.propagation) {
    const recursive = propagation & m.MS_REC ? c.AT_RECURSIVE : 0;
    k.mountSetattr(tree, "", recursive, { propagation: propagation & ~m.MS_REC });
  }
}

/** A tmpfs keeps the mode of the directory that it covers, unless its options name one or the directory is new. */
function tmpfsData(k: Kernel, place: Fd, { made }: Found, data: readonly string[]): readonly string[] {
  if (data.some((option) => option.startsWith("mode="))) return data;
  const buffer = k.buffer(STATX_SIZE);
  k.statx(place, "", buffer).wait();
  if (made()) return data;
  return [`mode=${(readStatx(buffer).mode & 0o7777).toString(8).padStart(4, "0")}`, ...data];
}
