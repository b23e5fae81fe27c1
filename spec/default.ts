/**
 * The configuration that `spec` writes.
 *
 * @module
 */
import { type LinuxNamespace, type Mount, OCI_VERSION, type Spec } from "./types.ts";

/** Facts that the configuration depends on. */
export interface DefaultSpecOptions {
  /**
   * For a user without privileges: adds a user namespace, and leaves out everything that such a user may not
   * do.
   */
  rootless: boolean;
  /** Effective user id, which becomes root in that user namespace. */
  euid: number;
  /** Effective group id, which becomes root's group there. */
  egid: number;
  /** The host has cgroup v2, so the container gets a cgroup namespace. */
  cgroup2: boolean;
}

/**
 * A configuration to start from: a shell on a terminal in a read-only `rootfs`, as runc writes it.
 *
 * Properties are in runc's order, since users compare and patch the file.
 */
export function defaultSpec(options: DefaultSpecOptions): Spec {
  const capabilities = () => ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
  const spec: Spec = {
    ociVersion: OCI_VERSION,
    process: {
      terminal: true,
      user: { uid: 0, gid: 0 },
      args: ["sh"],
      env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
      cwd: "/",
      capabilities: { bounding: capabilities(), effective: capabilities(), permitted: capabilities() },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1024, soft: 1024 }],
      noNewPrivileges: true,
    },
    root: { path: "rootfs", readonly: true },
    hostname: "tsrun",
    mounts: defaultMounts(options.rootless),
    linux: {},
  };
  const { euid, egid, rootless } = options;
  spec.linux = {
    ...(rootless
      ? {
        uidMappings: [{ containerID: 0, hostID: euid, size: 1 }],
        gidMappings: [{ containerID: 0, hostID: egid, size: 1 }],
      }
      : { resources: { devices: [{ allow: false, access: "rwm" }] } }),
    namespaces: defaultNamespaces(options),
    maskedPaths: [
      "/proc/acpi",
      "/proc/asound",
      "/proc/kcore",
      "/proc/keys",
      "/proc/latency_stats",
      "/proc/timer_list",
      "/proc/timer_stats",
      "/proc/sched_debug",
      "/sys/firmware",
      "/proc/scsi",
    ],
    readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
  };
  return spec;
}

/** A user without privileges shares the host's network, because only root could set up another one. */
function defaultNamespaces({ rootless, cgroup2 }: DefaultSpecOptions): LinuxNamespace[] {
  const namespaces: LinuxNamespace[] = [{ type: "pid" }];
  if (!rootless) namespaces.push({ type: "network" });
  namespaces.push({ type: "ipc" }, { type: "uts" }, { type: "mount" });
  if (cgroup2) namespaces.push({ type: "cgroup" });
  if (rootless) namespaces.push({ type: "user" });
  return namespaces;
}

/** A container without a network namespace cannot mount sysfs, and only one group is mapped. */
function defaultMounts(rootless: boolean): Mount[] {
  const sealed = ["nosuid", "noexec", "nodev"];
  const pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
  if (!rootless) pts.push("gid=5");
  return [
    { destination: "/proc", type: "proc", source: "proc" },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    { destination: "/dev/pts", type: "devpts", source: "devpts", options: pts },
    {
      destination: "/dev/shm",
      type: "tmpfs",
      source: "shm",
      options: [...sealed, "mode=1777", "size=65536k"],
    },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: [...sealed] },
    rootless
      ? { destination: "/sys", type: "none", source: "/sys", options: ["rbind", ...sealed, "ro"] }
      : { destination: "/sys", type: "sysfs", source: "sysfs", options: [...sealed, "ro"] },
    {
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: [...sealed, "relatime", "ro"],
    },
  ];
}
