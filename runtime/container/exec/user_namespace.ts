/**
 * `exec` into a container with a user namespace: the ids in it, and the namespaces to join.
 * @module
 */

import type { Kernel } from "../../../ffi/kernel.ts";
import type { UserNamespaceJoin } from "../../../init/exec_setup.ts";
import { type HostCapabilities, readHostCapabilities } from "../../../init/identity.ts";
import { namespaceCapabilities } from "../../../init/user_namespace.ts";
import type { Process } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { isInOther, otherNamespaces } from "../../host/namespaces.ts";
import { deniesGroups, hostIdOf, parseMap } from "../../host/id_maps.ts";

/** Facts about the container's user namespace for exec. */
export interface ExecUserNamespace extends UserNamespaceJoin {
  /** The user id of the process on the host. */
  hostUid: number;
  /** The rights of the process in it, until it has dropped them. */
  capabilities: HostCapabilities;
}

/**
 * Looks at the user namespace of a container's init.
 *
 * @returns Undefined when it is the runtime's own, which cannot be joined again (setns(2)).
 * @throws {RuntimeError} For a user or group that is not mapped.
 */
export function lookAtUserNamespace(
  k: Kernel,
  pid: number,
  { user }: Process,
): ExecUserNamespace | undefined {
  if (!isVisible(pid)) {
    throw new RuntimeError(
      "without root's rights only containers of your own user can be entered, and, " +
        "where they share a PID namespace, only those that have been started",
    );
  }
  if (!isInOther(pid, "user")) return undefined;
  const map = (name: string) => parseMap(Deno.readTextFileSync(`/proc/${pid}/${name}`));
  const { uid, gid, additionalGids = [] } = user;
  const hostUid = hostIdOf(map("uid_map"), uid);
  if (hostUid === undefined) throw new RuntimeError(`cannot setuid to unmapped uid ${uid} in user namespace`);
  const gids = map("gid_map");
  const unmapped = [gid, ...additionalGids].find((id) => hostIdOf(gids, id) === undefined);
  if (unmapped !== undefined) {
    throw new RuntimeError(`cannot setgid to unmapped gid ${unmapped} in user namespace`);
  }
  const groupsDenied = deniesGroups(pid);
  if (groupsDenied && additionalGids.length > 0) {
    throw new RuntimeError("cannot set any additional groups in a rootless container");
  }
  const capabilities = namespaceCapabilities(readHostCapabilities(k));
  return { hostUid, groupsDenied, capabilities, flags: otherNamespaces(pid) };
}

/**
 * Whether this process may look at another. An init that waits for `start` in a shared PID namespace is
 * hidden.
 */
function isVisible(pid: number): boolean {
  try {
    return Deno.readLinkSync(`/proc/${pid}/ns/user`) !== "";
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
