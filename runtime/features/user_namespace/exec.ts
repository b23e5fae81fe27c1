/**
 * `exec` into a container with a user namespace: the ids in it, and the namespaces to join.
 * @module
 */

import type { Kernel } from "../../../ffi/kernel.ts";
import { type HostCapabilities, readHostCapabilities } from "../../../init/identity.ts";
import { becomeNamespaceRoot, namespaceCapabilities } from "../../../init/user_namespace.ts";
import { keepsGroups } from "../../../spec/run_oci.ts";
import type { Process } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { isInOther, otherNamespaces } from "../../host/namespaces.ts";
import type { ExecFeature, ExecRequest } from "../feature.ts";
import { linkTarget, readText } from "../../host/files.ts";
import { deniesGroups, hostIdOf, parseMap } from "../../host/id_maps.ts";

/** Facts about the container's user namespace for exec. */
export interface ExecUserNamespace {
  /** CLONE_NEW* flags of all namespaces that differ from the runtime's. */
  flags: number;
  /** setgroups(2) is denied there permanently. */
  groupsDenied: boolean;
  /** The user id of the process on the host. */
  hostUid: number;
  /** The rights of the process in it, until it has dropped them. */
  capabilities: HostCapabilities;
}

/**
 * The joiner enters all namespaces with the rights that it has in the user namespace, and becomes its root.
 */
export function forExec({ k, pid, process, spec }: ExecRequest): ExecFeature {
  const user = lookAtUserNamespace(k, pid, process);
  if (user === undefined) return {};
  const leavesGroups = user.groupsDenied || keepsGroups(spec);
  return {
    hostUid: user.hostUid,
    steps: () => ({
      host(setup) {
        setup.joined = user.flags;
        setup.host = user.capabilities;
        setup.groupsDenied = leavesGroups;
      },
      identity: ({ k }) => becomeNamespaceRoot(k, leavesGroups),
    }),
  };
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
      "EPERM_ROOTLESS",
      "without root's rights only containers of your own user can be entered, and, " +
        "where they share a PID namespace, only those that have been started",
    );
  }
  if (!isInOther(pid, "user")) return undefined;
  const map = (name: string) => parseMap(readText(`/proc/${pid}/${name}`));
  const { uid, gid, additionalGids = [] } = user;
  const hostUid = hostIdOf(map("uid_map"), uid);
  if (hostUid === undefined) {
    throw new RuntimeError("EINVAL_ID_UNMAPPED", `cannot setuid to unmapped uid ${uid} in user namespace`);
  }
  const gids = map("gid_map");
  const unmapped = [gid, ...additionalGids].find((id) => hostIdOf(gids, id) === undefined);
  if (unmapped !== undefined) {
    throw new RuntimeError(
      "EINVAL_ID_UNMAPPED",
      `cannot setgid to unmapped gid ${unmapped} in user namespace`,
    );
  }
  const groupsDenied = deniesGroups(pid);
  if (groupsDenied && additionalGids.length > 0) {
    throw new RuntimeError("EPERM_GROUPS", "cannot set any additional groups in a rootless container");
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
    return linkTarget(`/proc/${pid}/ns/user`) !== "";
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
