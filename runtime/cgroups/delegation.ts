/**
 * A container's cgroup in the hands of who runs in it: a service manager in the container needs that, whose root is not
 * the host's.
 *
 * Sources: kernel document admin-guide/cgroup-v2.rst, "Delegation"; cgroups(7); runc does it under the same conditions.
 * @module
 */
import type { LinuxIDMapping, Spec } from "../../spec/types.ts";

/** The kernel's list of the files whose owner may manage what is below a cgroup; and what it was before there was a list. */
const LIST = "/sys/kernel/cgroup/delegate";
const FILES = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads";

/** What of a config tells whose a cgroup is. */
export type DelegationConfig = Pick<Spec, "process" | "mounts" | "linux">;

/**
 * Who is to own the cgroup, as the host sees that user: only where the container has a cgroup namespace of its own, with
 * the hierarchy mounted so that it can be written to.
 *
 * @returns Undefined where nobody but the host's root needs to.
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

/** Gives a cgroup, and the files by which it is managed, to a user. Limits are set by other files, and stay the host's. */
export function delegate(
  directory: string,
  uid: number,
  chown: (path: string) => void = (path) => Deno.chownSync(path, uid, null),
): void {
  chown(directory);
  for (const file of delegatedFiles().split("\n").filter((name) => name !== "")) {
    try {
      chown(`${directory}/${file}`);
    } catch (error) {
      // A kernel names more files than a cgroup has whose controllers are not there.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function delegatedFiles(): string {
  try {
    return Deno.readTextFileSync(LIST);
  } catch {
    return FILES;
  }
}
