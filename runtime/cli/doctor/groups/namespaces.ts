/**
 * Namespaces: each kind is made, by this caller in the way that its containers are.
 * @module
 */

import { EAGAIN, EINVAL, ENOSPC, EPERM, strerror } from "../../../../ffi/errno.ts";
import { NAMESPACES, type NamespaceType } from "../../../../spec/namespaces.ts";
import { type Finding, fine, type Group, isRoot } from "../finding.ts";

/** What a container without a namespace of the kind is; and whether every client asks for one. */
const KINDS: Readonly<Record<Exclude<NamespaceType, "user">, [means: string, needed: boolean]>> = {
  mount: ["containers cannot have a root of their own", true],
  pid: ["containers see the processes of the host", true],
  network: ["containers have the network of the host", true],
  ipc: ["containers share memory and semaphores with the host", true],
  uts: ["containers cannot have a name of their own", true],
  cgroup: ["containers see the host's tree of cgroups", false],
  time: ["containers cannot have clocks of their own (linux.timeOffsets)", false],
};

export const namespaces: Group = {
  name: "namespaces",
  title: "Namespaces",
  look(host): Finding[] {
    const { view, trials } = host, root = isRoot(host);
    return (Object.keys(KINDS) as (keyof typeof KINDS)[]).map((type) => {
      const errno = trials.namespace(type, !root), sysctl = `user.max_${NAMESPACES[type].link}_namespaces`;
      const most = view.read(`/proc/sys/${sysctl.replace(".", "/")}`)?.trim();
      const [means, needed] = KINDS[type];
      if (errno === 0) {
        const inside = root ? "" : " in a user namespace";
        const limit = most === undefined ? "" : `, at most ${most}`;
        return fine(type, `can be made${inside}${limit}`, needed);
      }
      return {
        name: type,
        state: "missing",
        needed,
        says: strerror(errno),
        means,
        mend: mendOf(errno, sysctl, root),
      };
    });
  },
};

function mendOf(errno: number, sysctl: string, root: boolean): string {
  if (errno === ENOSPC || errno === EAGAIN) return `sysctl -w ${sysctl}=10000`;
  if (errno === EINVAL) return "boot a kernel with the option (CONFIG_*_NS)";
  if (errno === EPERM && !root) return "see user namespaces, below";
  return "run with root's rights (CAP_SYS_ADMIN); in a container, allow unshare in its seccomp profile";
}
