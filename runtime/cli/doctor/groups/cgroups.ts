/**
 * cgroups: the version, the controllers, what this user may make, and the driver that clients will ask for.
 * @module
 */

import { strerror } from "../../../../ffi/errno.ts";
import { type CgroupHost, loadDriver } from "../../../cgroups/mod.ts";
import { type DoctorHost, type Finding, fine, type Group, isRoot } from "../finding.ts";

/** Limits by controller, by their names on v1 and v2, and whether clients always use it. */
const CONTROLLERS: readonly [v1: string, v2: string, limits: string][] = [
  ["memory", "memory", "memory limits (docker run --memory)"],
  ["cpu", "cpu", "CPU shares and quotas (--cpus)"],
  ["cpuset", "cpuset", "CPU lists (--cpuset-cpus)"],
  ["pids", "pids", "limits of processes (--pids-limit)"],
  ["blkio", "io", "limits of block devices (--device-read-bps)"],
  ["hugetlb", "hugetlb", "limits of huge pages"],
];

export const cgroups: Group = {
  name: "cgroups",
  title: "cgroups",
  async look(host): Promise<Finding[]> {
    const { readCgroupHost } = await loadDriver(), tree = readCgroupHost(host.mountinfo);
    const kind = kindOf(tree);
    if (kind === undefined) {
      return [{
        ...{ name: "version", state: "missing", needed: true, says: "no cgroup hierarchy is mounted" },
        means: "no container can be made",
        mend: "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
      }];
    }
    const findings = [fine("version", VERSIONS[kind], true), ...controllers(host, tree, kind)];
    findings.push(swap(host, tree, kind), making(host, tree, kind), driver(host, kind));
    if (kind === "v2" && isRoot(host)) findings.push(await devices(host));
    return findings;
  },
};

/** The arrangements of a host. */
type Kind = "v1" | "v2" | "hybrid";

const VERSIONS: Readonly<Record<Kind, string>> = {
  v1: "cgroup v1",
  v2: "cgroup v2",
  hybrid: "hybrid: controllers on cgroup v1, and a v2 hierarchy without any",
};

function kindOf({ mounts }: CgroupHost): Kind | undefined {
  const has = (version: number) => mounts.some((it) => it.version === version);
  return has(1) ? has(2) ? "hybrid" : "v1" : has(2) ? "v2" : undefined;
}

/** The mount of a v1 controller, or that of v2. */
function mountOf({ mounts }: CgroupHost, kind: Kind, controller: string): string | undefined {
  const found = mounts.find((it) => kind === "v2" ? it.version === 2 : it.controllers.includes(controller));
  return found?.mountpoint;
}

/** The caller's own cgroup. */
function ownCgroup(tree: CgroupHost, kind: Kind): string {
  const name = kind === "v2" ? "unified" : "memory",
    mount = mountOf(tree, kind, name) ?? tree.mounts[0].mountpoint;
  const own = tree.own().get(name) ?? "/";
  return own === "/" || own.startsWith("/..") ? mount : mount + own;
}

function controllers(host: DoctorHost, tree: CgroupHost, kind: Kind): Finding[] {
  const root = mountOf(tree, kind, "") ?? "/sys/fs/cgroup",
    delegated = isRoot(host) ? root : ownCgroup(tree, kind);
  const there = (host.view.read(`${delegated}/cgroup.controllers`) ?? "").trim().split(/\s+/);
  return CONTROLLERS.map(([v1, v2, limits]) => {
    const name = kind === "v2" ? v2 : v1;
    const works = kind === "v2" ? there.includes(name) : mountOf(tree, kind, name) !== undefined;
    if (works) return fine(name, limits);
    const missing: Finding = {
      ...{ name, state: "missing", needed: false, says: `no ${name} controller` },
      means: `no ${limits}: configs that ask for them are refused`,
      mend: kind !== "v2" && isEnabled(host, name)
        ? `mkdir /sys/fs/cgroup/${name}; mount -t cgroup -o ${name} cgroup /sys/fs/cgroup/${name}`
        : kind !== "v2" || isRoot(host)
        ? `boot without cgroup_disable=${name}, and with a kernel that has it`
        : `systemctl edit user@${host.view.uid}.service, and add "[Service]", "Delegate=cpu cpuset io memory pids"`,
    };
    return missing;
  });
}

/** Whether the kernel has a controller, and it is not disabled at boot: /proc/cgroups. */
function isEnabled({ view }: DoctorHost, name: string): boolean {
  return new RegExp(`^${name}\\s+\\d+\\s+\\d+\\s+1$`, "m").test(view.read("/proc/cgroups") ?? "");
}

function swap(host: DoctorHost, tree: CgroupHost, kind: Kind): Finding {
  const name = "swap", own = ownCgroup(tree, kind), mount = mountOf(tree, kind, "memory");
  const file = kind === "v2" ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
  // The file is in no root of v2: any cgroup below has it.
  const places = [own, ...mount === undefined ? [] : host.view.names(mount).map((it) => `${mount}/${it}`)];
  if (places.some((place) => host.view.kind(`${place}/${file}`) !== undefined)) {
    return fine(name, "is counted");
  }
  return {
    ...{ name, state: "limited", needed: false, says: `swap is not counted: there is no ${file}` },
    means: "a limit of memory and swap together is refused (docker run --memory-swap)",
    mend: 'boot with "swapaccount=1"',
  };
}

/** A cgroup is made and removed. */
function making(host: DoctorHost, tree: CgroupHost, kind: Kind): Finding {
  const name = "making", directory = ownCgroup(tree, kind), errno = host.trials.cgroup(directory);
  if (errno === 0) return fine(name, `cgroups can be made in ${directory}`, isRoot(host));
  const finding = {
    name,
    state: "missing",
    needed: isRoot(host),
    says: `${directory}: ${strerror(errno)}`,
  } as const;
  if (isRoot(host)) {
    return { ...finding, means: "no container can be made", mend: "mount -o remount,rw /sys/fs/cgroup" };
  }
  return {
    ...finding,
    means: "containers of this user have no limits, and cannot be paused",
    mend: kind === "v2"
      ? "log in by a session of systemd, and use --systemd-cgroup (podman does so by itself)"
      : "boot with cgroup v2: systemd.unified_cgroup_hierarchy=1",
  };
}

/** Without a setting clients take systemd's driver where systemd runs on v2: docker's and podman's rule. */
function driver({ view }: DoctorHost, kind: Kind): Finding {
  const booted = view.kind("/run/systemd/system") === "directory";
  const daemon = view.read("/etc/docker/daemon.json") ?? "";
  const asked = /native\.cgroupdriver=(systemd|cgroupfs)/.exec(daemon)?.[1];
  const expected = asked ?? (booted && kind === "v2" ? "systemd" : "cgroupfs");
  const why = asked === undefined
    ? `${booted ? "systemd runs" : "no systemd runs"}, on cgroup ${kind}`
    : "daemon.json says so";
  if (expected === "cgroupfs" || booted) return fine("driver", `clients will ask for ${expected} (${why})`);
  return {
    ...{ name: "driver", state: "missing", needed: false, says: `clients will ask for systemd (${why})` },
    means: "docker's containers are refused: systemd does not run",
    mend: 'remove "native.cgroupdriver=systemd" from /etc/docker/daemon.json',
  };
}

async function devices({ trials }: DoctorHost): Promise<Finding> {
  const name = "devices", errno = await trials.deviceProgram();
  if (errno === 0) return fine(name, "programs that confine devices can be loaded", true);
  return {
    ...{ name, state: "missing", needed: true, says: `bpf(BPF_PROG_LOAD): ${strerror(errno)}` },
    means: "devices cannot be confined: containers are refused, unless they may use all devices",
    mend: "boot a kernel with CONFIG_CGROUP_BPF, with CAP_BPF or CAP_SYS_ADMIN for root",
  };
}
