/**
 * Destinations of mounts. They are opened, and made if they are missing.
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  PROC_SUPER_MAGIC,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "../ffi/constants.ts";
import { ELOOP, ENOTDIR } from "../ffi/errno.ts";
import { type Fd, OperationError, type Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { decodeStatfsType, STATFS_SIZE } from "../ffi/structs.ts";
import { isLxcfsFile } from "../spec/lxcfs.ts";
import { makeAhead, openInRoot } from "./in_root.ts";
import type { MountContext } from "./mount_context.ts";

/** What a missing destination becomes. */
export interface Wanted {
  /** A function is called only after the kernel has answered that the destination is missing. */
  kind: "directory" | (() => "directory" | "file");
  /** A descriptor of the file or directory that will be mounted there; absent for a directory. */
  like?: Fd;
}

/** The destination of most mounts. */
export const DIRECTORY: Wanted = { kind: "directory" };

/**
 * Opens /proc or /sys for a mount. Both must be real directories: a symlink there redirects the mount
 * (CVE-2019-19921, CVE-2023-27561).
 */
export function openOrdinary(k: Recorder, context: MountContext, destination: string, type: string): Result {
  const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
  return openInRoot(k, context.root, destination, {
    flags,
    resolve: RESOLVE_NO_SYMLINKS,
    missing: "directory",
    explain: (errno) =>
      errno === ELOOP || errno === ENOTDIR
        ? new TsrunError({
          code: "EINVAL_MOUNT_POINT",
          operation: "mount on",
          object: JSON.stringify(destination),
          reason: "not an ordinary directory",
          message: `filesystem ${JSON.stringify(type)} must be mounted on ordinary directory`,
        })
        : new OperationError("open", errno, JSON.stringify(destination), ""),
  });
}

/** What is known after a destination was opened. */
export interface Found {
  /** Whether it was missing. Call it after the kernel has opened it. */
  made: () => boolean;
}

/**
 * Opens a destination, and makes it if it is missing. A check of it is added, to be run after the kernel has
 * answered.
 */
export function openPlace(
  k: Recorder,
  context: MountContext,
  destination: string,
  wanted: Wanted,
  found?: Found,
): Result {
  const place = openFresh(k, context, destination, wanted, found) ??
    openMade(k, context, destination, wanted, found);
  if (destination === "/proc" || isLxcfsFile(destination)) return place;
  // A symlink of the image may still have led into /proc.
  const statfs = k.buffer(STATFS_SIZE);
  k.fstatfs(place, statfs);
  context.later("mount checks", () => {
    if (decodeStatfsType(statfs) === PROC_SUPER_MAGIC) {
      throw notMountable(destination, "it is inside /proc");
    }
  });
  return place;
}

/**
 * After more than this number of missing destinations, later ones are made before asking whether they exist.
 * Asking first takes round trips for each missing one. Making an existing one takes some microseconds.
 */
const FEW = 2;

/** Opens a destination that may be missing. */
function openMade(
  k: Recorder,
  context: MountContext,
  destination: string,
  { kind, like }: Wanted,
  found?: Found,
): Result {
  const { root } = context;
  const early = context.missed > FEW ? makeAhead(k, root, destination, like) : undefined;
  let late = false;
  const missing = () => {
    late = true;
    context.missed++;
    return typeof kind === "function" ? kind() : kind;
  };
  if (found) found.made = () => late || early?.() === true;
  return openInRoot(k, root, destination, { missing });
}

/**
 * Makes and opens a directory right below a tmpfs that was just made, without asking whether it exists:
 * /dev/pts, /dev/shm and /dev/mqueue never do, and each question is a round trip.
 */
function openFresh(
  k: Recorder,
  context: MountContext,
  destination: string,
  { kind }: Wanted,
  found?: Found,
): Result | undefined {
  const slash = destination.lastIndexOf("/");
  const parent = destination.slice(0, slash), name = destination.slice(slash + 1);
  if (kind !== "directory" || !context.fresh.has(parent)) return undefined;
  const directory = openInRoot(k, context.root, parent, { flags: O_PATH | O_DIRECTORY });
  const made = k.mkdirat(directory, name, 0o755, { allow: "any" });
  if (found) found.made = () => made.wait() >= 0;
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const place = k.openat2(directory, name, O_PATH | O_DIRECTORY, resolve);
  k.close(directory);
  return place;
}

/** The error for a mount that is not allowed, in runc's words. */
export function notMountable(destination: string, why: string): TsrunError {
  const object = JSON.stringify(destination), message = `${object} cannot be mounted because ${why}`;
  return new TsrunError({ code: "EPERM_MOUNT_POINT", operation: "mount", object, reason: why, message });
}
