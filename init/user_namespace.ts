/**
 * The container's user namespace: how the init becomes its root, and how a process joins one that exists.
 *
 *     tsrun ── stage ──clone3(CLONE_NEWUSER, ...)──> init
 *       │                                             │ waits: it has all capabilities there, and no name
 *       ├─ writes /proc/PID/uid_map and gid_map       │
 *       └────────────────────────────────────────────>│ opens exec.fifo with tsrun's ids, then becomes root
 *
 * The kernel makes the user namespace before the others of the same clone3(2). These therefore belong to it.
 *
 * Sources: user_namespaces(7), credentials(7), capabilities(7), clone(2).
 * @module
 */

import { O_RDONLY, PR_SET_DUMPABLE } from "../ffi/constants.ts";
import { EINVAL, ENOSPC, EPERM } from "../ffi/errno.ts";
import { type Fd, OperationError, type Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { HostCapabilities } from "./identity.ts";
import type { Join } from "./namespaces.ts";

/**
 * Makes the process root of its user namespace. It keeps all capabilities there, because its user id becomes
 * root's. Groups of the caller are dropped, where the namespace allows that.
 */
export function becomeNamespaceRoot(k: Recorder, groupsDenied: boolean): void {
  k.during("become root of the user namespace", () => {
    if (!groupsDenied) k.call("setgroups", [0, null]);
    k.call("setresgid", [0, 0, 0]);
    k.call("setresuid", [0, 0, 0]);
    // Until the ids change it may have been dumpable, so that the maps could be written.
    k.prctl(PR_SET_DUMPABLE, 0);
  });
}

/** The rights of a process that has just entered a user namespace: all capabilities of this kernel. */
export function namespaceCapabilities({ last }: HostCapabilities): HostCapabilities {
  const high = last < 63 ? 2 ** (last - 31) - 1 : 0xffff_ffff;
  return { permitted: { low: 0xffff_ffff, high }, last };
}

/**
 * What a refusal of clone(2) to make a user namespace may mean, as an addition to the step:
 * user_namespaces(7).
 */
export function refusalHint(errno: number): string {
  switch (errno) {
    case EPERM:
      return " (may this user make user namespaces? see the sysctls kernel.unprivileged_userns_clone and " +
        "kernel.apparmor_restrict_unprivileged_userns; the kernel makes none in a chroot, nor where another mount " +
        "covers /)";
    case ENOSPC:
      return " (there are as many as the sysctls user.max_*_namespaces allow, or they are nested too deeply)";
    case EINVAL:
      return " (are user namespaces enabled in the kernel?)";
    default:
      return "";
  }
}

/** Facts about a user namespace that a process has joined. */
export interface JoinedUserNamespace {
  /** Texts of its files in /proc/self. Longer texts are cut off. */
  uidMap: string;
  gidMap: string;
  groupsDenied: boolean;
}

/** The most bytes of an id map: 340 lines of three numbers. */
const MAP_SIZE = 340 * 36;

/**
 * Joins namespaces, one of which is a user namespace, and becomes its root.
 *
 * The others are joined first, with the caller's rights. Those that refuse because they belong to the user
 * namespace are joined after it.
 */
export function joinWithUserNamespace(k: Recorder, joins: readonly Join[]): JoinedUserNamespace {
  const others = joins.filter(({ type }) => type !== "user").map((join) => ({ join, fd: openJoin(k, join) }));
  const user = joins.find(({ type }) => type === "user")!;
  const fd = openJoin(k, user);
  const left = others.filter(({ join, fd }) => enter(k, join, fd, [EPERM]).wait() < 0);
  enter(k, user, fd, []);
  const joined = lookAround(k);
  becomeNamespaceRoot(k, joined.groupsDenied);
  for (const { join, fd } of left) enter(k, join, fd, []);
  for (const { fd } of others) k.close(fd);
  k.close(fd);
  return joined;
}

function openJoin(k: Recorder, { type, path }: Join): Result {
  return k.during(`join the ${type} namespace`, () => k.open(path, O_RDONLY));
}

function enter(k: Recorder, { type, path }: Join, fd: Fd, allow: readonly number[]): Result {
  const doing = `join the ${type} namespace ${JSON.stringify(path)}`;
  return k.setns(fd, NAMESPACES[type].flag, {
    doing,
    allow,
    repair(errno) {
      const own = type === "user"
        ? " (is it one, and another than the runtime's own?)"
        : ` (is it a ${type} namespace?)`;
      throw new OperationError("setns", errno, "", errno === EINVAL ? doing + own : doing);
    },
  });
}

function lookAround(k: Recorder): JoinedUserNamespace {
  const read = (name: string) => {
    const file = k.open(`/proc/self/${name}`, O_RDONLY), buffer = k.buffer(MAP_SIZE);
    k.call("read", [file, buffer, MAP_SIZE]);
    k.close(file);
    return buffer;
  };
  const [uids, gids, groups] = [read("uid_map"), read("gid_map"), read("setgroups")];
  k.flush();
  return { uidMap: uids.text(), gidMap: gids.text(), groupsDenied: groups.text().startsWith("deny") };
}
