/** Compares what two containers saw that should be alike. */
import type { Facts } from "../lib/probe.ts";
import type { Mount } from "../lib/mountinfo.ts";

const STATUS_FIELDS = [
  "Umask",
  "Uid",
  "Gid",
  "Groups",
  "CapInh",
  "CapPrm",
  "CapEff",
  "CapBnd",
  "CapAmb",
  "NoNewPrivs",
]
  .concat(
    "Seccomp",
    "Seccomp_filters",
    "SigBlk",
    "Threads",
    "Cpus_allowed_list",
    "Mems_allowed_list",
    "THP_enabled",
  );

/**
 * Facts without what differs between any two containers (ids, numbers of namespaces, layers), and without
 * what tsrun does differently on purpose: the order and source of masks, the tmpfs over /sys/fs/cgroup (which
 * runc 1.1.5 leaves writable), read-only by mount instead of by superblock.
 */
export function comparableFacts(facts: Facts): unknown {
  const { status, mounts, cgroup, ns: _, fds, ...rest } = facts;
  return {
    ...rest,
    status: Object.fromEntries(STATUS_FIELDS.map((name) => [name, status[name]])),
    mounts: Object.fromEntries(mounts.map((mount) => [mount.target, describe(mount)])),
    cgroup: cgroup.map(anonymous),
    fds: Object.keys(fds),
  };
}

function describe(mount: Mount): string {
  const { target, root, options, propagation, type, source } = mount;
  if (root === "/null") return "masked file";
  const flags = target === "/sys/fs/cgroup"
    ? options.filter((flag) => flag !== "ro" && flag !== "rw")
    : options;
  const sized = type === "tmpfs" && target.startsWith("/dev") || type === "devpts";
  const data = sized ? mount.superOptions.filter((option) => option !== "ro" && option !== "rw") : [];
  const peers = propagation.map((field) => field.replace(/:.*/, ""));
  return [type, anonymous(source), anonymous(root), flags.join(), peers.join(), data.join()].join(" ");
}

function anonymous(text: string): string {
  return text.replace(/[0-9a-f]{64}/g, "ID").replace(/\b(tsrun|runc)-\d+\b/g, "ID");
}
