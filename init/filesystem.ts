/**
 * New filesystems: a superblock configured option by option, so that the kernel can say which one it refuses.
 *
 * Sources: fsopen(2), fsconfig(2), Documentation/filesystems/mount_api.rst.
 * @module
 */

import { type CallOptions, type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import * as m from "../spec/mount_options.ts";

/** What to make. */
export interface NewFilesystem {
  type: string;
  source: string;
  /** Options of the filesystem itself: `key=value` or `key`. */
  data: readonly string[];
  /** Flags of mount(2), of which those that belong to the superblock are taken. */
  flags: number;
  /** MOUNT_ATTR_* of the mount. */
  attributes: number;
  /** SELinux context of all that is in it; absent or empty: what the policy says. */
  label?: string;
}

/** Flags of mount(2) that are options of the superblock. */
const SUPERBLOCK: readonly (readonly [number, string])[] = [
  [m.MS_SYNCHRONOUS, "sync"],
  [m.MS_DIRSYNC, "dirsync"],
  [m.MS_MANDLOCK, "mand"],
  [m.MS_LAZYTIME, "lazytime"],
  [m.MS_I_VERSION, "iversion"],
  [m.MS_SILENT, "silent"],
];

/** Kinds whose superblocks mounts share: read-only must be said of the mount alone. */
const SHARED_SUPERBLOCKS: readonly string[] = [
  "proc",
  "sysfs",
  "mqueue",
  "cgroup",
  "cgroup2",
  "devpts",
  "tmpfs",
];

/**
 * Makes a filesystem; the result is the descriptor of a detached mount.
 *
 * @throws {OperationError} With what the kernel itself said about it.
 */
export function createFilesystem(k: Kernel, fs: NewFilesystem): Result {
  const context = k.fsopen(fs.type);
  const options: CallOptions = { repair: (errno) => explain(k, context, errno) };
  if (fs.source !== "") k.fsconfig(context, "source", fs.source, options);
  for (const [flag, key] of SUPERBLOCK) if (fs.flags & flag) k.fsconfig(context, key, null, options);
  if (fs.flags & m.MS_RDONLY && !SHARED_SUPERBLOCKS.includes(fs.type)) {
    k.fsconfig(context, "ro", null, options);
  }
  for (const option of splitData(fs.data)) {
    const equals = option.indexOf("=");
    const key = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? null : option.slice(equals + 1);
    k.fsconfig(context, key, value, { repair: (errno) => explain(k, context, errno, option) });
  }
  if (fs.label) k.fsconfig(context, "context", fs.label, options);
  k.fsconfigCreate(context, options);
  const mount = k.fsmount(context, fs.attributes);
  k.close(context);
  return mount;
}

/** Options may come several in one string; commas inside double quotes (SELinux contexts) do not separate. */
export function splitData(data: readonly string[]): string[] {
  return data.flatMap((item) => item.match(/(?:[^,"]|"[^"]*")+/g) ?? []).map((option) =>
    option.replaceAll('"', "")
  );
}

/** Reads the kernel's own words out of the context, see fsopen(2); always throws. */
function explain(k: Kernel, context: Fd, errno: number, option?: string): never {
  const message = k.buffer(512);
  const length = k.call("read", [context, message, 511], { allow: "any" }).wait();
  // Messages begin with their kind: "e " error, "w " warning, "i " information.
  const words = length > 2 ? message.text(length).slice(2).trim() : "";
  const object = [option, words].filter((s) => s).join(": ");
  throw new OperationError(option === undefined ? "fsconfig" : "option", errno, object, "");
}
