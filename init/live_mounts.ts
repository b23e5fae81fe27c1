/**
 * Mounts of a container that runs. An executor on the host clones the sources, joins the container's
 * namespaces, except for its PID namespace, and mounts there.
 *
 *     tsrun ──posix_spawn──> joiner ── open_tree(source) ── setns ── openat2(destination in root), move_mount
 *
 * No process of the container can see the joiner, unless the container shares the host's processes. A path in
 * the container is resolved once, inside its root, and used by descriptor.
 *
 * Sources: setns(2), open_tree(2), move_mount(2), umount(2).
 * @module
 */

import {
  AT_SYMLINK_NOFOLLOW,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  RESOLVE_NO_SYMLINKS,
  UMOUNT_NOFOLLOW,
} from "../ffi/constants.ts";
import { EBUSY } from "../ffi/errno.ts";
import { type Fd, OperationError, type Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { decodeStatx, STATX_SIZE } from "../ffi/structs.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Mount } from "../spec/types.ts";
import { openInRoot } from "./in_root.ts";
import type { MountContext } from "./mount_context.ts";
import { mountOne } from "./mounts.ts";
import { becomeNamespaceRoot } from "./user_namespace.ts";

/** The namespaces of a container, for a process that is to mount there. */
export interface LiveNamespaces {
  /** Pidfd of the container's init, a descriptor of the joiner. */
  pidfd: number;
  /** CLONE_NEW* flags of those that differ from the joiner's; the user namespace may be among them. */
  flags: number;
  /** Whether setgroups(2) is denied in the user namespace. */
  groupsDenied: boolean;
  /** The joiner has rights over mounts in the user namespace only, which it therefore joins first. */
  rootless: boolean;
}

/**
 * Joins a container's namespaces.
 *
 * @param openSources Runs while the joiner sees the host's files and may clone its mounts.
 * @returns A descriptor of the container's root.
 */
export function joinToMount(
  k: Recorder,
  { pidfd, flags, groupsDenied, rootless }: LiveNamespaces,
  openSources: () => void,
): Result {
  const user = flags & NAMESPACES.user.flag, doing = "join the namespaces of the container";
  k.prctl(PR_SET_DUMPABLE, 0);
  if (user !== 0 && rootless) {
    k.setns(pidfd, user, { doing });
    becomeNamespaceRoot(k, groupsDenied);
    // A copy of the host's mounts that belongs to the user namespace, whose root may clone them.
    k.unshare(NAMESPACES.mount.flag, { doing: "copy the host's mounts" });
  }
  openSources();
  k.setns(pidfd, rootless ? flags & ~user : flags, { doing });
  if (user !== 0 && !rootless) becomeNamespaceRoot(k, groupsDenied);
  k.close(pidfd);
  return k.open("/", O_PATH | O_DIRECTORY);
}

/** The parts of a {@linkcode MountContext} that the caller knows. */
export type LiveContext = Pick<MountContext, "root" | "bundle" | "copyUp" | "openSource" | "label">;

/**
 * Makes one mount in a container that runs; not a remount.
 *
 * @param attaching Called with the mount's id just before it is attached, which may still fail.
 * @throws {TsrunError} If it cannot be made. It may be attached all the same.
 */
export function mountLive(
  k: Recorder,
  live: LiveContext,
  mount: Mount,
  attaching: (id: number) => void,
): void {
  const checks: (() => void)[] = [], late: (() => void)[] = [];
  const facts = k.buffer(STATX_SIZE);
  mountOne(k, {
    ...live,
    fresh: new Set(),
    missed: 0,
    later: (stage, step) => void (stage === "mount checks" ? checks : late).push(step),
    attaching(tree) {
      k.statx(tree, "", facts).wait();
      for (const check of checks) check();
      attaching(decodeStatx(facts).mountId);
    },
  }, mount);
  k.flush();
  for (const step of late) step();
  k.flush();
}

/** What is mounted on a path. */
export interface MountedAt {
  id: number;
  /** Whether the path leads to the root of a mount, and not to something in it. */
  isRoot: boolean;
}

/** Looks at a destination in a container that runs; links on the way are followed inside its root. */
export function lookAtMount(k: Recorder, root: Fd, destination: string): MountedAt {
  const place = openInRoot(k, root, destination), facts = k.buffer(STATX_SIZE);
  k.statx(place, "", facts).wait();
  k.close(place);
  const { mountId: id, mountRoot: isRoot } = decodeStatx(facts);
  return { id, isRoot };
}

/**
 * Removes one mount.
 *
 * @param point Its mount point, without links on the way; not `/`.
 * @param id Its id. Another mount that lies there is left alone.
 */
export function unmountLive(k: Recorder, root: Fd, point: string, id: number): void {
  const slash = point.lastIndexOf("/"), name = point.slice(slash + 1);
  k.during(`unmount ${JSON.stringify(point)}`, () => {
    const flags = O_PATH | O_DIRECTORY;
    const parent = openInRoot(k, root, point.slice(0, slash) || "/", { flags, resolve: RESOLVE_NO_SYMLINKS });
    const facts = k.buffer(STATX_SIZE);
    k.statx(parent, name, facts, {}, AT_SYMLINK_NOFOLLOW).wait();
    if (decodeStatx(facts).mountId !== id) {
      throw new OperationError(
        "umount2",
        EBUSY,
        "another mount lies on it",
        `unmount ${JSON.stringify(point)}`,
      );
    }
    k.fchdir(parent);
    k.umount(name, MNT_DETACH | UMOUNT_NOFOLLOW);
    k.chdir("/");
    k.close(parent);
    k.flush();
  });
}
