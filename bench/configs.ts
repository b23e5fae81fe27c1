/**
 * The two kinds of config.json that the benchmark runs: `small`, what `runc spec` writes, and `docker`, what
 * dockerd 20.10 writes for `docker run -m 64m --cpus .5 --pids-limit 50 --network none busybox /bin/true`.
 */
import { dockerSeccomp } from "./docker_profile.ts";

/** Names of the configurations, in the order of the report. */
export const CONFIG_NAMES = ["small", "docker"] as const;

/** Name of a configuration. */
export type ConfigName = (typeof CONFIG_NAMES)[number];

/** What a configuration needs to know of its bundle. */
export interface BundlePaths {
  /** Absolute path of the root filesystem. */
  rootfs: string;
  /** Directory of the files that Docker binds over /etc/hostname, /etc/hosts and /etc/resolv.conf. */
  files: string;
  /** `linux.cgroupsPath` of the container. */
  cgroup: string;
  /** Memory limit in bytes; without it the configuration's own. */
  memoryLimit?: number;
}

/** A config.json, ready for `JSON.stringify`. */
export type Config = Record<string, unknown>;

/** The config.json of that name. */
export function configOf(name: ConfigName, paths: BundlePaths): Config {
  return name === "small" ? smallConfig(paths) : dockerConfig(paths);
}

const MiB = 1 << 20;
const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Capabilities of a container made by `docker run` without `--cap-add` or `--cap-drop`. */
const DOCKER_CAPABILITIES = [
  ...[
    "CHOWN",
    "DAC_OVERRIDE",
    "FSETID",
    "FOWNER",
    "MKNOD",
    "NET_RAW",
    "SETGID",
    "SETUID",
    "SETFCAP",
    "SETPCAP",
  ],
  ...["NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE"],
].map((name) => `CAP_${name}`);

/** The paths that Docker and `runc spec` both hide. */
const MASKED = [
  ...["/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list"],
  ...["/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"],
];

const READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

const NAMESPACES = ["mount", "network", "uts", "pid", "ipc"].map((type) => ({ type }));

function mount(destination: string, type: string, source: string, options: string): Config {
  return { destination, type, source, options: options.split(",") };
}

/** The mounts that both kinds have, with the sizes and modes in which they differ. */
function systemMounts(shm: string, cgroup: string): Config[] {
  return [
    mount("/proc", "proc", "proc", "nosuid,noexec,nodev"),
    mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
    mount("/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
    mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", cgroup),
    mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
    mount("/dev/shm", "tmpfs", "shm", shm),
  ];
}

/** What `runc spec` writes, without the terminal and with `/bin/true` as the program. */
export function smallConfig(paths: BundlePaths): Config {
  const capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  return {
    ociVersion: "1.0.2",
    process: {
      terminal: false,
      user: { uid: 0, gid: 0 },
      args: ["/bin/true"],
      env: [PATH, "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: paths.rootfs, readonly: true },
    hostname: "bench",
    mounts: systemMounts("nosuid,noexec,nodev,mode=1777,size=65536k", "nosuid,noexec,nodev,relatime,ro"),
    linux: {
      cgroupsPath: paths.cgroup,
      resources: {
        devices: [{ allow: false, access: "rwm" }],
        ...(paths.memoryLimit === undefined ? {} : { memory: { limit: paths.memoryLimit } }),
      },
      namespaces: NAMESPACES,
      maskedPaths: MASKED,
      readonlyPaths: READONLY,
    },
  };
}

/**
 * What dockerd writes. One thing differs: its network hook would call a daemon that is not there, so a
 * hook of the same kind that reads its state and ends stands in its place. (It must read: crun 1.8.1 fails
 * with "writing to pipe: Broken pipe" when a hook ends before that.)
 */
export function dockerConfig(paths: BundlePaths): Config {
  const file = (name: string) => mount(`/etc/${name}`, "bind", `${paths.files}/${name}`, "rbind,rprivate");
  const capabilities = DOCKER_CAPABILITIES;
  return {
    ociVersion: "1.0.2-dev",
    process: {
      user: { uid: 0, gid: 0, additionalGids: [0] },
      args: ["/bin/true"],
      env: [PATH, "HOSTNAME=bench"],
      cwd: "/",
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      oomScoreAdj: 0,
    },
    root: { path: paths.rootfs },
    hostname: "bench",
    mounts: [
      ...systemMounts("nosuid,noexec,nodev,mode=1777,size=67108864", "ro,nosuid,noexec,nodev"),
      ...["resolv.conf", "hostname", "hosts"].map(file),
    ],
    hooks: { prestart: [{ path: `${paths.rootfs}/bin/cat`, args: ["cat"] }] },
    linux: {
      sysctl: {
        "net.ipv4.ip_unprivileged_port_start": "0",
        "net.ipv4.ping_group_range": "0 2147483647",
      },
      cgroupsPath: paths.cgroup,
      resources: dockerResources(paths.memoryLimit ?? 64 * MiB),
      namespaces: NAMESPACES,
      maskedPaths: MASKED,
      readonlyPaths: READONLY,
      seccomp: dockerSeccomp(),
    },
  };
}

function dockerResources(limit: number): Config {
  const device = (allow: boolean, major: number, minor: number) => {
    return { allow, type: "c", major, minor, access: "rwm" };
  };
  return {
    devices: [
      { allow: false, access: "rwm" },
      ...[[1, 5], [1, 3], [1, 9], [1, 8], [5, 0], [5, 1]].map(([major, minor]) => device(true, major, minor)),
      device(false, 10, 229),
    ],
    memory: { limit, swap: 2 * limit, disableOOMKiller: false },
    cpu: { shares: 0, quota: 50000, period: 100000 },
    pids: { limit: 50 },
    blockIO: { weight: 0 },
  };
}
