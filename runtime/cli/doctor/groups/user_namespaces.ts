/**
 * User namespaces and the ids in them: what rootless containers, and containers with ids of their own, need.
 *
 * Sources: user_namespaces(7), subuid(5), newuidmap(1); kernel.unprivileged_userns_clone is Debian's,
 * kernel.apparmor_restrict_unprivileged_userns is Ubuntu's.
 * @module
 */

import { strerror } from "../../../../ffi/errno.ts";
import { mapperPath, subordinateRanges, userName } from "../../../features/user_namespace/subordinate_ids.ts";
import { hostIdOf, parseMap } from "../../../host/id_maps.ts";
import { type DoctorHost, type Finding, fine, type Group, isRoot } from "../finding.ts";

/** The user that root tries to be: nobody of most systems. */
const NOBODY = 65_534;

/** Switches that forbid user namespaces, the value that does, and the one that does not. */
const SWITCHES: readonly [name: string, forbids: string, allows: string][] = [
  ["kernel.unprivileged_userns_clone", "0", "1"],
  ["kernel.apparmor_restrict_unprivileged_userns", "1", "0"],
  ["user.max_user_namespaces", "0", "10000"],
];

export const userNamespaces: Group = {
  name: "user-namespaces",
  title: "User namespaces",
  look(host): Finding[] {
    if (!isRoot(host)) return [ofCaller(host), ...ids(host)];
    // Root of a user namespace can be no user without an id there.
    const map = parseMap(host.view.read("/proc/self/uid_map") ?? "");
    return hostIdOf(map, NOBODY) === undefined ? [ofRoot(host)] : [ofRoot(host), ofUsers(host)];
  },
};

/** The switches that are in the way, as commands. */
function switched({ view }: DoctorHost): string[] {
  return SWITCHES.filter(([name, forbids]) =>
    view.read(`/proc/sys/${name.replaceAll(".", "/")}`)?.trim() === forbids
  ).map(([name, , allows]) => `sysctl -w ${name}=${allows}`);
}

function mend(host: DoctorHost): string {
  const commands = switched(host);
  if (commands.length > 0) return commands.join("; ");
  return "boot a kernel with CONFIG_USER_NS; in a container, let it have user namespaces; not in a chroot";
}

function ofRoot(host: DoctorHost): Finding {
  const errno = host.trials.namespace("user", false), name = "of root";
  if (errno === 0) return fine(name, "root can make user namespaces");
  return {
    ...{
      name,
      state: "missing",
      needed: false,
      says: `root cannot make user namespaces: ${strerror(errno)}`,
    },
    means: "containers cannot have ids of their own (docker's userns-remap, podman's --userns)",
    mend: mend(host),
  };
}

function ofUsers(host: DoctorHost): Finding {
  const errno = host.trials.namespaceOfUser(NOBODY), name = "of users", inTheWay = switched(host);
  if (errno === 0 && inTheWay.length === 0) return fine(name, "users can make user namespaces");
  if (errno === 0) {
    return {
      ...{ name, state: "limited", needed: false },
      says: "users can make user namespaces, with few rights in them",
      means: "rootless containers may not be made: try tsrun doctor as that user",
      mend: inTheWay.join("; "),
    };
  }
  return {
    ...{ name, state: "missing", needed: false },
    says: `users who are not root cannot make user namespaces: ${strerror(errno)}`,
    means: "no rootless containers; those of root are not affected",
    mend: mend(host),
  };
}

function ofCaller(host: DoctorHost): Finding {
  const errno = host.trials.rightsInUserNamespace(), name = "of this user";
  if (errno === 0) return fine(name, "this user can make user namespaces, and mount in them", true);
  return {
    ...{ name, state: "missing", needed: true },
    says: `this user cannot be root of a user namespace: ${strerror(errno)}`,
    means: "no rootless containers: this user can make none at all",
    mend: mend(host),
  };
}

/** Ids besides the user's own. */
function ids(host: DoctorHost): Finding[] {
  const { view } = host, name = userName(view) ?? String(view.uid);
  const found = (["uid", "gid"] as const).map((kind) => {
    const ranges = subordinateRanges(view, kind), count = ranges.reduce((sum, it) => sum + it.count, 0);
    if (count >= 65_536) return fine(`sub${kind}`, `/etc/sub${kind} gives ${count} ids to ${name}`);
    const finding: Finding = {
      ...{ name: `sub${kind}`, state: count > 0 ? "limited" : "missing", needed: false },
      says: `/etc/sub${kind} gives ${count === 0 ? "no" : count} ids to ${name}`,
      means: "images with files of more users than that cannot be unpacked or run as they are",
      mend: `usermod --add-sub${kind}s 100000-165535 ${name}`,
    };
    return finding;
  });
  return [...found, mapping(host)];
}

function mapping({ view, trials }: DoctorHost): Finding {
  const name = "newuidmap",
    tools = (["newuidmap", "newgidmap"] as const).filter((it) => !mapperPath(view, it));
  const finding = { name, state: "missing", needed: false } as const;
  const means = "containers of this user have one id only";
  if (tools.length > 0) {
    return { ...finding, says: `${tools.join(" and ")}: not installed`, means, mend: "apt install uidmap" };
  }
  const [uids] = subordinateRanges(view, "uid"), [gids] = subordinateRanges(view, "gid");
  if (uids === undefined || gids === undefined) {
    return { ...finding, says: "installed, with no ids to map", means, mend: "see subuid and subgid, above" };
  }
  const reason = trials.mapIds({ own: view.uid, ...uids }, { own: view.gid, ...gids });
  if (reason === undefined) {
    return fine(name, "newuidmap and newgidmap map the ids of /etc/subuid and /etc/subgid");
  }
  const paths = ["newuidmap", "newgidmap"].map((it) => mapperPath(view, it as "newuidmap")).join(" ");
  return {
    ...finding,
    says: reason,
    means,
    mend: `chmod u+s ${paths} (or setcap cap_setuid+ep, cap_setgid+ep)`,
  };
}
