/**
 * The steps for a mount of type `cgroup` in the config.
 *
 * On a v1 or hybrid host the destination is a tmpfs of mode 0755 with one directory per
 * hierarchy, named as on the host, and symbolic links for controllers that share a hierarchy. With a cgroup
 * namespace each directory is a mount of the hierarchy, of which the namespace shows the container's part;
 * without one it is a bind mount of that part. As runc does: the v2 hierarchy of a hybrid host is left out. A
 * `ro` mount makes everything read-only in the end, the tmpfs too, and not before: directories and links are
 * still to be made in it.
 *
 * On a v2 host the destination is the hierarchy itself, as the container's cgroup namespace shows it; without
 * one the container sees all that the runtime sees, as with runc. That is a bind mount of the host's: a
 * mount(2) of `cgroup2` from the host's cgroup namespace would set the options of the whole hierarchy anew
 * and so switch `nsdelegate`, `memory_recursiveprot` and the like off for the whole host (kernel document
 * admin-guide/cgroup-v2.rst, "Mounting").
 * @module
 */
import type { CgroupHost, CgroupRecord } from "./types.ts";
import { type CgroupMount, isUnified, mountsByController, ownDirectory, UNIFIED } from "./path.ts";

/** One thing to make in the tmpfs, in order. Every mount has the flags nosuid, noexec and nodev. */
export type CgroupMountStep =
  /**
   * Instead of a tmpfs: the v2 hierarchy with the options of the config's mount, or a directory of the host.
   */
  | { kind: "unified"; bind: string | null }
  /** Recursive bind mount of a directory of the host. */
  | { kind: "bind"; name: string; source: string }
  /** mount(2) of type `cgroup`; `data` are its options. */
  | { kind: "cgroup"; name: string; source: string; data: string }
  /** A symbolic link beside the directories. One that exists is no error. */
  | { kind: "symlink"; name: string; target: string };

/** Facts that decide the steps. */
export interface CgroupMountRequest {
  /** Hierarchies of the host. */
  mounts: readonly CgroupMount[];
  /** The container's directories. Hierarchies without one show the runtime's own cgroup. */
  record: CgroupRecord | null;
  /** See {@linkcode CgroupHost}. */
  own: CgroupHost["own"];
  /** The container has a cgroup namespace that was made for it; or one that existed before. */
  cgroupNamespace: boolean;
  joinedCgroupNamespace?: boolean;
  /** It has a user namespace, new or joined. */
  userNamespace?: boolean;
}

/**
 * The hierarchy of v2; or the steps below the tmpfs: first the directories in the host's order, then the
 * links.
 */
export function planCgroupMount(request: CgroupMountRequest): CgroupMountStep[] {
  return isUnified(request.mounts)
    ? [{ kind: "unified", bind: unifiedSource(request) }]
    : planHierarchies(request);
}

/**
 * The directory to bind. It is the container's own where the kernel would not let it mount its cgroup
 * namespace, which may belong to another user namespace. Null: mount the namespace's view.
 */
function unifiedSource(request: CgroupMountRequest): string | null {
  const { mounts, record, cgroupNamespace, joinedCgroupNamespace = false, userNamespace = false } = request;
  if (cgroupNamespace || (joinedCgroupNamespace && !userNamespace)) return null;
  const { mountpoint } = mountsByController(mounts)[UNIFIED];
  return joinedCgroupNamespace ? record?.paths[UNIFIED] ?? mountpoint : mountpoint;
}

function planHierarchies(request: CgroupMountRequest): CgroupMountStep[] {
  const steps: CgroupMountStep[] = [];
  const links: CgroupMountStep[] = [];
  const chosen = mountsByController(request.mounts);
  for (const mount of request.mounts) {
    // A hierarchy that is mounted twice on the host is shown once, as the driver uses it.
    if (mount.version !== 1 || chosen[mount.controllers[0]] !== mount) continue;
    const name = mount.mountpoint.slice(mount.mountpoint.lastIndexOf("/") + 1);
    steps.push(request.cgroupNamespace ? real(mount, name) : bind(request, mount, name));
    if (name.includes(",")) {
      for (const part of name.split(",")) links.push({ kind: "symlink", name: part, target: name });
    }
  }
  return [...steps, ...links];
}

/** A new mount of the same hierarchy. The kernel finds it by its controllers, or by its name. */
function real(mount: CgroupMount, name: string): CgroupMountStep {
  const named = mount.controllers.find((controller) => controller.startsWith("name="));
  return {
    kind: "cgroup",
    name,
    source: named?.slice("name=".length) ?? "cgroup",
    data: mount.controllers.join(","),
  };
}

function bind({ record, own }: CgroupMountRequest, mount: CgroupMount, name: string): CgroupMountStep {
  const [controller] = mount.controllers;
  const source = record?.paths[controller] ?? ownDirectory(mount, own().get(controller) ?? "/");
  return { kind: "bind", name, source };
}
