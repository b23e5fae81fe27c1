/**
 * Configurations for tests: those that dockerd and containerd send, and a configuration that has every
 * property.
 *
 * @module
 */

/** A JSON object that tests change. */
// deno-lint-ignore no-explicit-any
export type Config = any;

const CAPABILITIES = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID", "CAP_AUDIT_WRITE"];

/** What dockerd sends for a container on a bridge network. */
export function dockerConfig(): Config {
  return {
    ociVersion: "1.0.2-dev",
    process: {
      user: { uid: 0, gid: 0, additionalGids: [0, 1, 2] },
      args: ["/bin/sh", "-c", "echo hello"],
      env: ["PATH=/usr/local/sbin:/usr/sbin:/bin", "HOSTNAME=4c01db0b339c"],
      cwd: "/",
      capabilities: {
        bounding: [...CAPABILITIES],
        effective: [...CAPABILITIES],
        permitted: [...CAPABILITIES],
      },
      rlimits: [{ type: "RLIMIT_NOFILE", hard: 1048576, soft: 1024 }],
      apparmorProfile: "docker-default",
      oomScoreAdj: 0,
    },
    root: { path: "/var/lib/docker/overlay2/fe1c/merged" },
    hostname: "4c01db0b339c",
    mounts: dockerMounts(),
    hooks: { prestart: [{ path: "/proc/1034/exe", args: ["libnetwork-setkey", "4c01db0b339c"] }] },
    linux: {
      sysctl: { "net.ipv4.ip_unprivileged_port_start": "0" },
      resources: {
        devices: [{ allow: false, access: "rwm" }, {
          allow: true,
          type: "c",
          major: 1,
          minor: 5,
          access: "rwm",
        }],
        memory: { limit: 67108864, swap: 134217728, disableOOMKiller: false },
        cpu: { shares: 0, quota: 50000, period: 100000 },
        pids: { limit: 50 },
        blockIO: { weight: 0 },
      },
      cgroupsPath: "/docker/4c01db0b339c",
      namespaces: ["mount", "network", "uts", "pid", "ipc"].map((type) => ({ type })),
      seccomp: dockerSeccomp(),
      maskedPaths: ["/proc/kcore", "/sys/firmware"],
      readonlyPaths: ["/proc/sys", "/proc/sysrq-trigger"],
    },
  };
}

function dockerMounts(): Config {
  const files = "/var/lib/docker/containers/4c01db0b339c";
  const sealed = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/proc", type: "proc", source: "proc", options: [...sealed] },
    {
      destination: "/dev",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
    },
    {
      destination: "/dev/pts",
      type: "devpts",
      source: "devpts",
      options: ["nosuid", "newinstance", "gid=5"],
    },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", ...sealed] },
    { destination: "/etc/hosts", type: "bind", source: `${files}/hosts`, options: ["rbind", "rprivate"] },
    {
      destination: "/run/.data",
      type: "bind",
      source: "/srv/data",
      options: ["rbind", "ro", "rro", "rslave"],
    },
  ];
}

function dockerSeccomp(): Config {
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    syscalls: [
      { names: ["accept", "execve", "write"], action: "SCMP_ACT_ALLOW" },
      {
        names: ["personality"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 4294967295, op: "SCMP_CMP_EQ" }],
      },
      {
        names: ["clone"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 0, value: 2114060288, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    ],
  };
}

/** What containerd sends for a container of a pod, which joins the pod's namespaces. */
export function containerdConfig(): Config {
  const config = dockerConfig();
  config.ociVersion = "1.2.0";
  config.root = { path: "rootfs", readonly: true };
  config.process.noNewPrivileges = true;
  config.process.oomScoreAdj = 1000;
  delete config.hooks;
  delete config.hostname;
  config.annotations = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-id": "9f2",
  };
  config.linux.namespaces = [
    { type: "pid" },
    { type: "ipc", path: "/proc/4021/ns/ipc" },
    { type: "uts", path: "/proc/4021/ns/uts" },
    { type: "mount" },
    { type: "network", path: "/proc/4021/ns/net" },
    { type: "cgroup" },
  ];
  config.linux.rootfsPropagation = "rslave";
  return config;
}

/** What dockerd writes for `docker run --userns`: a user namespace with ids of its own. */
export function remappedConfig(): Config {
  const config = dockerConfig();
  config.linux.namespaces.push({ type: "user" });
  for (const key of ["uidMappings", "gidMappings"]) {
    config.linux[key] = [
      { containerID: 0, hostID: 1000, size: 1 },
      { containerID: 1, hostID: 100000, size: 65535 },
    ];
  }
  return config;
}

/** A valid configuration that has, as far as they go together, all properties of the specification. */
export function fullConfig(): Config {
  const config = dockerConfig();
  const ids = () => [{ containerID: 0, hostID: 100000, size: 65536 }];
  const environment = ["PATH=/bin"];
  Object.assign(config.process, {
    terminal: true,
    consoleSize: { height: 25, width: 80 },
    selinuxLabel: "system_u:system_r:container_t:s0",
    scheduler: {
      policy: "SCHED_DEADLINE",
      flags: ["SCHED_FLAG_RECLAIM"],
      runtime: 1000,
      deadline: 2000,
      period: 3000,
    },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
    execCPUAffinity: { initial: "7", final: "0-3,7" },
  });
  config.process.user.umask = 18;
  config.process.capabilities.inheritable = ["CAP_KILL"];
  config.process.capabilities.ambient = ["CAP_KILL"];
  config.domainname = "example.org";
  config.mounts.push({
    destination: "/mapped",
    source: "volume",
    options: ["bind", "idmap"],
    uidMappings: ids(),
    gidMappings: ids(),
  });
  const hook = () => [{ path: "/bin/true", args: ["true"], env: [...environment], timeout: 5 }];
  for (const name of ["createRuntime", "createContainer", "startContainer", "poststart", "poststop"]) {
    config.hooks[name] = hook();
  }
  config.annotations = { "org.example.key": "value" };
  Object.assign(config.linux, fullLinux(), { uidMappings: ids(), gidMappings: ids() });
  config.linux.namespaces.push({ type: "user" }, { type: "cgroup" }, { type: "time" });
  Object.assign(config.linux.resources, fullResources());
  Object.assign(config.linux.seccomp, {
    flags: ["SECCOMP_FILTER_FLAG_LOG"],
    listenerPath: "/run/agent.sock",
    listenerMetadata: "text",
  });
  config.linux.seccomp.syscalls.push({ names: ["mknod"], action: "SCMP_ACT_NOTIFY" });
  return config;
}

function fullLinux(): Config {
  return {
    timeOffsets: { monotonic: { secs: 172800, nanosecs: 5 }, boottime: { secs: -3 } },
    devices: [
      { type: "c", path: "/dev/fuse", major: 10, minor: 229, fileMode: 438, uid: 0, gid: 0 },
      { type: "p", path: "/run/fifo" },
    ],
    netDevices: { eth7: { name: "inner%d" }, eth8: {} },
    rootfsPropagation: "slave",
    mountLabel: "system_u:object_r:container_file_t:s0",
    intelRdt: {
      closID: "guaranteed",
      l3CacheSchema: "L3:0=7f0",
      memBwSchema: "MB:0=20",
      schemata: ["L2:0=f"],
      enableMonitoring: true,
    },
    memoryPolicy: { mode: "MPOL_INTERLEAVE", nodes: "2-3", flags: ["MPOL_F_STATIC_NODES"] },
    personality: { domain: "LINUX32" },
    sysctl: {
      "net.ipv4.conf.eth0/1.mtu": "1400",
      "kernel.shmmax": "1",
      "fs/mqueue/msg_max": "10",
      "user.max_ipc_namespaces": "1",
    },
  };
}

function fullResources(): Config {
  const throttle = () => [{ major: 8, minor: 0, rate: 600 }];
  return {
    cpu: {
      shares: 1024,
      quota: 1000000,
      burst: 1000000,
      period: 500000,
      realtimeRuntime: 950000,
      realtimePeriod: 1000000,
      cpus: "2-3",
      mems: "0-7",
      idle: 0,
    },
    memory: {
      limit: 536870912,
      reservation: 536870912,
      swap: -1,
      swappiness: 0,
      useHierarchy: true,
      checkBeforeUpdate: true,
    },
    blockIO: {
      weight: 10,
      leafWeight: 10,
      weightDevice: [{ major: 8, minor: 0, weight: 500, leafWeight: 300 }],
      throttleReadBpsDevice: throttle(),
      throttleWriteBpsDevice: throttle(),
      throttleReadIOPSDevice: throttle(),
      throttleWriteIOPSDevice: throttle(),
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 209715200 }],
    network: { classID: 1048577, priorities: [{ name: "eth0", priority: 500 }] },
    rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } },
    unified: { "hugetlb.1GB.max": "1073741824" },
  };
}

/**
 * Changes one property.
 *
 * @param path Such as `process.args[0]` or `linux.sysctl["a.b"]`, the way problems name it; steps that are
 * missing are made.
 * @param value The new value; undefined deletes the property.
 */
export function change(config: Config, path: string, value: unknown): void {
  const steps = [...path.matchAll(/\["([^"]*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map((it) =>
    it[1] ?? it[2] ?? it[3]
  );
  const last = steps.pop()!;
  let parent = config;
  for (const step of steps) parent = parent[step] ??= {};
  if (value === undefined) delete parent[last];
  else parent[last] = value;
}
