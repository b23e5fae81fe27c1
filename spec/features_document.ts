/**
 * What a runtime implements, also on hosts that offer less: runtime-spec `features.md` and
 * `features-linux.md`.
 *
 * An absent property means that nothing is known. `false` or an empty list means that there is no support.
 *
 * @module
 */

/** The document that `features` prints. */
export interface Features {
  /** Oldest version of the runtime specification that is understood. */
  ociVersionMin: string;
  /** Newest version that is understood. */
  ociVersionMax: string;
  /** Kinds of hooks. */
  hooks?: string[];
  /** Mount options that are not data of a filesystem. */
  mountOptions?: string[];
  /** What only Linux has. */
  linux?: LinuxFeatures;
  /** Versions and abilities of this runtime in particular. */
  annotations?: Record<string, string>;
  /**
   * Annotations of a configuration that untrusted users must not set. A name that ends in "." is a prefix.
   */
  potentiallyUnsafeConfigAnnotations?: string[];
}

/** Whether something is implemented. */
export interface Enabled {
  /** It is. */
  enabled?: boolean;
}

/** What only Linux has. */
export interface LinuxFeatures {
  /** Kinds of namespaces. */
  namespaces?: string[];
  /** Capability names. */
  capabilities?: string[];
  /** Cgroup versions and drivers. */
  cgroup?: CgroupFeatures;
  /** System call filters. */
  seccomp?: SeccompFeatures;
  /** AppArmor profiles. */
  apparmor?: Enabled;
  /** SELinux labels. */
  selinux?: Enabled;
  /** Intel Resource Director Technology. */
  intelRdt?: IntelRdtFeatures;
  /** NUMA memory policy. */
  memoryPolicy?: MemoryPolicyFeatures;
  /** Mounts beyond mount(2). */
  mountExtensions?: { idmap?: Enabled };
  /** Network devices moved into the container. */
  netDevices?: Enabled;
}

/** Cgroup versions and drivers. */
export interface CgroupFeatures {
  /** cgroup v1 is implemented. */
  v1?: boolean;
  /** cgroup v2 is implemented. */
  v2?: boolean;
  /** The host's systemd makes cgroups. */
  systemd?: boolean;
  /** A user's systemd makes cgroups. */
  systemdUser?: boolean;
  /** The controller of RDMA is implemented. */
  rdma?: boolean;
}

/** System call filters. */
export interface SeccompFeatures {
  /** Filters are implemented. */
  enabled?: boolean;
  /** Actions of rules. */
  actions?: string[];
  /** Comparisons of arguments. */
  operators?: string[];
  /** Architectures. */
  archs?: string[];
  /** Flags that are recognised. */
  knownFlags?: string[];
  /** The known flags that this kernel and this libseccomp support. */
  supportedFlags?: string[];
}

/** Intel Resource Director Technology. */
export interface IntelRdtFeatures {
  /** `intelRdt` is implemented. */
  enabled?: boolean;
  /** `intelRdt.schemata` is implemented. */
  schemata?: boolean;
  /** `intelRdt.enableMonitoring` is implemented. */
  monitoring?: boolean;
}

/** NUMA memory policy. */
export interface MemoryPolicyFeatures {
  /** Policies. */
  modes?: string[];
  /** Flags of policies. */
  flags?: string[];
}
