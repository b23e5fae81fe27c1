/**
 * Filters of system calls, and security modules.
 * @module
 */

import { type DoctorHost, type Finding, fine, type Group, isRoot } from "../finding.ts";

/** System calls of recent kernels, the youngest last, by which libseccomp's age is seen. */
const RECENT: readonly string[] = [
  ...["openat2", "faccessat2", "epoll_pwait2", "mount_setattr", "landlock_create_ruleset", "memfd_secret"],
  ...["process_mrelease", "futex_waitv", "set_mempolicy_home_node", "cachestat", "fchmodat2", "futex_wait"],
  ...["statmount", "lsm_get_self_attr", "mseal", "setxattrat", "open_tree_attr"],
];

export const seccomp: Group = {
  name: "seccomp",
  title: "Seccomp",
  look({ trials }): Finding[] {
    const release = trials.libseccomp();
    if (release === "") {
      return [{
        ...{ name: "libseccomp", state: "missing", needed: false, says: "libseccomp is not installed" },
        means: "containers with a seccomp profile are refused: docker and podman give one to all",
        mend: "apt install libseccomp2",
      }];
    }
    const unknown = trials.unknownCalls(RECENT), flags = trials.unknownFlags(), reason = trials.filter();
    const library: Finding = unknown.length === 0 ? fine("libseccomp", release) : {
      ...{ name: "libseccomp", state: "limited", needed: false },
      says: `${release} does not know ${unknown.join(", ")}`,
      means: "rules of profiles for these calls are left out; programs get ENOSYS or the default action",
      mend: "install a newer libseccomp",
    };
    const filter: Finding = reason === undefined ? fine("filter", "a filter can be loaded") : {
      ...{ name: "filter", state: "missing", needed: false, says: reason },
      means: "containers with a seccomp profile are refused",
      mend: "boot a kernel with CONFIG_SECCOMP_FILTER",
    };
    const known: Finding = flags.length === 0 ? fine("flags", "the kernel knows all flags") : {
      ...{
        name: "flags",
        state: "limited",
        needed: false,
        says: `this kernel does not know ${flags.join(", ")}`,
      },
      means: "profiles with these flags are refused",
      mend: "install a newer kernel",
    };
    return [library, filter, known];
  },
};

export const securityModules: Group = {
  name: "security-modules",
  title: "Security modules",
  look(host): Finding[] {
    const apparmor = apparmorFinding(host), selinux = selinuxFinding(host);
    if (apparmor !== undefined || selinux !== undefined) {
      return [apparmor, selinux].filter((it) => it !== undefined);
    }
    return [{
      ...{ name: "labels", state: "limited", needed: false, says: "neither AppArmor nor SELinux is enabled" },
      means:
        "configs with a profile or label are refused; others are confined by namespaces and seccomp alone",
      mend: 'boot with "apparmor=1 security=apparmor", or use a system with SELinux',
    }];
  },
};

function apparmorFinding(host: DoctorHost): Finding | undefined {
  const { view } = host, name = "apparmor";
  if (!view.read("/sys/module/apparmor/parameters/enabled")?.startsWith("Y")) return undefined;
  if (!isRoot(host)) return fine(name, "enabled");
  const profiles = view.read("/sys/kernel/security/apparmor/profiles");
  if (profiles !== undefined) {
    return fine(name, `enabled, ${profiles.trim().split("\n").filter(Boolean).length} profiles loaded`);
  }
  return {
    ...{ name, state: "limited", needed: false, says: "enabled, but securityfs is not mounted" },
    means: "clients cannot load their profile",
    mend: "mount -t securityfs securityfs /sys/kernel/security",
  };
}

function selinuxFinding({ view, mountinfo }: DoctorHost): Finding | undefined {
  if (!/ - selinuxfs /.test(mountinfo)) return undefined;
  const enforcing = view.read("/sys/fs/selinux/enforce")?.trim() === "1";
  if (enforcing) return fine("selinux", "enabled, enforcing");
  return {
    ...{ name: "selinux", state: "limited", needed: false, says: "enabled, permissive" },
    means: "labels are set, and nothing that they forbid is denied",
    mend: "setenforce 1",
  };
}
