/**
 * Gives a container's cgroup to the container's user. A service manager in the container needs that where its
 * root is not the host's.
 *
 * Sources: kernel document admin-guide/cgroup-v2.rst, "Delegation"; cgroups(7). runc delegates under the same
 * conditions.
 * @module
 */
import type { LinuxIDMapping, Spec } from "../../spec/types.ts";
import { readText, setOwner } from "../host/files.ts";

/**
 * The kernel's list of files whose owner may manage the cgroups below; and the files of older kernels without
 * that list.
 */
const LIST = "/sys/kernel/cgroup/delegate";
const FILES = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";

/** The parts of a config that decide who owns the cgroup. */
export type DelegationConfig = Pick<Spec, "process" | "mounts" | "linux">;

/**
 * The cgroup's owner, as the host sees that user. There is one only where the container has a cgroup
 * namespace of its own and mounts the hierarchy writable.
 *
 * @returns Undefined where the host's root remains the owner.
 */
export function ownerOf({ process, mounts = [], linux }: DelegationConfig): number | undefined {
  const own = linux?.namespaces?.some(({ type, path }) => type === "cgroup" && !path);
  const writable = mounts.some(({ type, destination, options = [] }) =>
    type === "cgroup" && destination.replace(/\/+$/, "") === "/sys/fs/cgroup" && !options.includes("ro")
  );
  if (!own || !writable) return undefined;
  const users = linux?.namespaces?.some(({ type }) => type === "user");
  const owner = users ? hostId(linux?.uidMappings ?? [], process.user.uid) : process.user.uid;
  return owner === 0 ? undefined : owner;
}

function hostId(maps: readonly LinuxIDMapping[], id: number): number | undefined {
  const map = maps.find((it) => id >= it.containerID && id - it.containerID < it.size);
  return map && map.hostID + id - map.containerID;
}

/** Gives a cgroup and its management files to a user. The files of limits stay the host's. */
export function delegate(
  directory: string,
  uid: number,
  chown: (path: string) => void = (path) => setOwner(path, uid),
): void {
  chown(directory);
  for (const file of delegatedFiles().split("\n").filter((name) => name !== "")) {
    try {
      chown(`${directory}/${file}`);
    } catch (error) {
      // The kernel's list also has files of controllers that this cgroup lacks.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function delegatedFiles(): string {
  try {
    return readText(LIST);
  } catch {
    return FILES;
  }
}
