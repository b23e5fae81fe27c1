/**
 * A mount of type `cgroup`. On a v1 host it is a tmpfs with one directory for each hierarchy, on a v2 host
 * the one hierarchy.
 *
 * The cgroup driver decides what is shown (runtime/cgroups/mount.ts); this module mounts it.
 * @module
 */

import {
  AT_FDCWD,
  AT_RECURSIVE,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from "../ffi/constants.ts";
import { EEXIST } from "../ffi/errno.ts";
import type { Fd } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  type MountOptions,
  MS_RDONLY,
  parseMountOptions,
} from "../spec/mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { createFilesystem } from "./filesystem.ts";
import { openInRoot } from "./in_root.ts";
import type { MountContext } from "./mount_context.ts";
import { mountOne, mountStep, propagate } from "./mounts.ts";

/** One thing to make in the tmpfs, or the hierarchy of v2, which is mounted without a tmpfs. */
export type CgroupMountStep =
  | { kind: "unified"; bind: string | null }
  | { kind: "bind"; name: string; source: string }
  | { kind: "cgroup"; name: string; source: string; data: string }
  | { kind: "symlink"; name: string; target: string };

const ATTRIBUTES = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

/** Carries out the steps. The result is read-only where the options say so. */
export function mountCgroups(
  k: Recorder,
  context: MountContext,
  mount: Mount,
  steps: readonly CgroupMountStep[],
): void {
  const [first] = steps;
  if (first?.kind === "unified") mountUnified(k, context, mount, first.bind);
  else mountTmpfs(k, context, mount, steps);
}

/**
 * Mounts the hierarchy as the init's cgroup namespace shows it, or binds a part of the host's. All options
 * are this mount's own.
 */
function mountUnified(k: Recorder, context: MountContext, mount: Mount, bind: string | null): void {
  if (bind === null) return mountOne(k, context, { ...mount, type: "cgroup2" });
  const options = [...(mount.options ?? []), "bind"];
  mountOne(k, context, { ...mount, type: "bind", source: bind, options });
}

/** Mounts a tmpfs and everything in it. It becomes read-only at the end, where the options say so. */
function mountTmpfs(
  k: Recorder,
  context: MountContext,
  mount: Mount,
  steps: readonly CgroupMountStep[],
): void {
  k.during(mountStep(mount), () => {
    const options = parseMountOptions(mount.options);
    const place = openInRoot(k, context.root, mount.destination, { missing: "directory" });
    const tree = createFilesystem(k, {
      type: "tmpfs",
      source: "tmpfs",
      data: ["mode=755"],
      flags: 0,
      attributes: ATTRIBUTES,
      label: context.label,
    });
    k.moveMount(tree, place);
    k.close(place);
    for (const step of steps) makeStep(k, tree, step, options);
    // Nothing more is made in it, so it can become read-only at once.
    if (isReadonly(options)) k.mountSetattr(tree, "", 0, { set: MOUNT_ATTR_RDONLY });
    propagate(k, tree, options);
    k.close(tree);
  });
}

const isReadonly = ({ flags }: MountOptions) => (flags & MS_RDONLY) !== 0;

function makeStep(k: Recorder, tmpfs: Fd, step: CgroupMountStep, options: MountOptions): void {
  if (step.kind === "unified") throw new Error("the v2 hierarchy is not one of several");
  const { name } = step;
  if (step.kind === "symlink") {
    k.symlinkat(step.target, tmpfs, name, { allow: [EEXIST] });
    return;
  }
  const attributes = ATTRIBUTES | (isReadonly(options) ? MOUNT_ATTR_RDONLY : 0);
  k.mkdirat(tmpfs, name, 0o755);
  const place = k.openat2(tmpfs, name, O_PATH | O_DIRECTORY, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  let tree;
  if (step.kind === "bind") {
    tree = k.openTree(AT_FDCWD, step.source, OPEN_TREE_CLONE | AT_RECURSIVE);
    k.mountSetattr(tree, "", AT_RECURSIVE, { set: attributes });
  } else {
    tree = createFilesystem(k, {
      type: "cgroup",
      source: step.source,
      data: [step.data],
      flags: 0,
      attributes,
    });
  }
  k.moveMount(tree, place);
  propagate(k, tree, options);
  k.close(tree);
  k.close(place);
}
