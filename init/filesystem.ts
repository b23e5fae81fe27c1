/**
 * New filesystems. The superblock is configured option by option, so that the kernel can say which option it
 * refuses.
 *
 * mount(2) makes the filesystems whose options fsconfig(2) does not take.
 *
 * Sources: fsopen(2), fsconfig(2), Documentation/filesystems/mount_api.rst.
 * @module
 */

import { type CallOptions, type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import { MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_RDONLY, MS_SYNCHRONOUS } from "../spec/mount_options.ts";
import { createByMount, needsClassicMount } from "./classic_mount.ts";
import { hasManyLayers, layerOptions } from "./overlay_layers.ts";
import type { NewFilesystem } from "./new_filesystem.ts";

/** Flags of mount(2) that are options of the superblock. */
const SUPERBLOCK: readonly (readonly [number, string])[] = [
  [MS_SYNCHRONOUS, "sync"],
  [MS_DIRSYNC, "dirsync"],
  [MS_MANDLOCK, "mand"],
  [MS_LAZYTIME, "lazytime"],
];

/** Types whose mounts share one superblock: read-only must be set for the mount alone. */
const SHARED_SUPERBLOCKS: readonly string[] = [
  "mqueue",
  "cgroup",
  "cgroup2",
  "tmpfs",
];

/**
 * Makes a filesystem and returns the descriptor of a detached mount.
 *
 * @throws {OperationError} With the kernel's own explanation.
 */
export function createFilesystem(k: Kernel, fs: NewFilesystem): Result {
  let given = splitData(fs.type, fs.data);
  if (needsClassicMount(fs, given)) {
    if (!hasManyLayers(fs.type, given)) return createByMount(k, fs, given);
    given = layerOptions(given);
  }
  const context = k.fsopen(fs.type);
  const options: CallOptions = { repair: (errno) => explain(k, context, errno) };
  if (fs.source !== "") k.fsconfig(context, "source", fs.source, options);
  for (const [flag, key] of SUPERBLOCK) if (fs.flags & flag) k.fsconfig(context, key, null, options);
  if (fs.flags & MS_RDONLY && !SHARED_SUPERBLOCKS.includes(fs.type)) {
    k.fsconfig(context, "ro", null, options);
  }
  for (const option of given) {
    const equals = option.indexOf("=");
    const key = equals < 0 ? option : option.slice(0, equals);
    const value = equals < 0 ? null : option.slice(equals + 1);
    k.fsconfig(context, key, value, { repair: (errno) => explain(k, context, errno, option) });
  }
  if (fs.label) k.fsconfig(context, fs.labelType ?? "context", fs.label, options);
  k.fsconfigCreate(context, options);
  const mount = k.fsmount(context, fs.attributes);
  k.close(context);
  return mount;
}

const CONTEXT = '(?:fs|def|root)?context="[^"]*"';
/**
 * One option: it holds no comma, except in an SELinux context in double quotes and where its type allows one.
 */
const PLAIN = new RegExp(`(?:${CONTEXT}|[^,])+`, "g");
const SPECIAL: Readonly<Record<string, RegExp>> = {
  // A list of nodes: `mpol=bind:0,2`, shmem_next_opt() in mm/shmem.c.
  tmpfs: new RegExp(`(?:${CONTEXT}|,(?=[0-9])|[^,])+`, "g"),
  // Behind a backslash: ovl_next_opt() in fs/overlayfs/params.c.
  overlay: new RegExp(`(?:${CONTEXT}|\\\\.|[^,])+`, "gs"),
};

/** Takes apart options that come several in one string, as mount(2) does with all of them joined. */
export function splitData(type: string, data: readonly string[]): string[] {
  return (data.join(",").match(SPECIAL[type] ?? PLAIN) ?? []).map((option) =>
    option.replace(/^((?:fs|def|root)?context=)"(.*)"$/, "$1$2")
  );
}

/** Reads the kernel's explanation out of the context, see fsopen(2). It always throws. */
function explain(k: Kernel, context: Fd, errno: number, option?: string): never {
  const message = k.buffer(512);
  const length = k.call("read", [context, message, 511], { allow: "any" }).wait();
  // Messages begin with their kind: "e " error, "w " warning, "i " information.
  const words = length > 2 ? message.text(length).slice(2).trim() : "";
  const object = [option, words].filter((s) => s).join(": ");
  throw new OperationError(option === undefined ? "fsconfig" : "option", errno, object, "");
}
