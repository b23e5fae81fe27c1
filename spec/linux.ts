/**
 * The `linux` object of config.json: runtime-spec `config-linux.md`, all but its resources.
 *
 * @module
 */
import type { Int64, Uint64 } from "./integers.ts";
import type { MOUNT_PROPAGATION } from "./mount_options.ts";
import type { NamespaceType } from "./namespaces.ts";
import type { LinuxResources } from "./resources.ts";
import type { MemoryPolicyFlag, MemoryPolicyMode, PersonalityDomain } from "./scheduling.ts";
import type { SeccompAction, SeccompArch, SeccompFlag, SeccompOperator } from "./seccomp.ts";

/** Settings that only Linux has. */
export interface Linux {
  /** Namespaces that the container makes or joins; what is not listed is shared with the runtime. */
  namespaces?: LinuxNamespace[];
  /** User ids of the container's user namespace. */
  uidMappings?: LinuxIDMapping[];
  /** Group ids of the container's user namespace. */
  gidMappings?: LinuxIDMapping[];
  /** Offsets of the container's time namespace, by clock. */
  timeOffsets?: Partial<Record<TimeClock, LinuxTimeOffset>>;
  /** Device nodes made beyond the default ones. */
  devices?: LinuxDevice[];
  /** Network devices moved into the container, by their name on the host. */
  netDevices?: Record<string, LinuxNetDevice>;
  /** Place in the cgroup hierarchy; with systemd `slice:prefix:name`. */
  cgroupsPath?: string;
  /** Limits that the cgroup enforces. */
  resources?: LinuxResources;
  /** Kernel parameters, by name as in sysctl(8). */
  sysctl?: Record<string, string>;
  /** System call filter. */
  seccomp?: LinuxSeccomp;
  /** Propagation type of the root filesystem's mount. */
  rootfsPropagation?: RootfsPropagation;
  /** Absolute paths in the container that are made unreadable. */
  maskedPaths?: string[];
  /** Absolute paths in the container that are made read-only. */
  readonlyPaths?: string[];
  /** SELinux context of the container's mounts. */
  mountLabel?: string;
  /** Intel Resource Director Technology: resctrl. */
  intelRdt?: LinuxIntelRdt;
  /** NUMA memory policy: set_mempolicy(2). */
  memoryPolicy?: LinuxMemoryPolicy;
  /** Execution domain: personality(2). */
  personality?: LinuxPersonality;
}

/** Propagation type of a mount: mount_namespaces(7). The `r` forms are runc's, and reach the mounts below. */
export type RootfsPropagation = keyof typeof MOUNT_PROPAGATION;

/** A namespace to make, or to join. */
export interface LinuxNamespace {
  /** Kind of namespace. */
  type: NamespaceType;
  /** Absolute path of the namespace to join; absent: a new one is made. */
  path?: string;
}

/** A range of ids: user_namespaces(7). */
export interface LinuxIDMapping {
  /** First id inside. */
  containerID: number;
  /** First id outside. */
  hostID: number;
  /** Number of ids. */
  size: number;
}

/** A clock that a time namespace can offset. */
export type TimeClock = "monotonic" | "boottime";

/** Offset of one clock: time_namespaces(7). */
export interface LinuxTimeOffset {
  /** Seconds. */
  secs?: Int64;
  /** Nanoseconds beyond the seconds. */
  nanosecs?: number;
}

/** A device node: mknod(2). */
export interface LinuxDevice {
  /** Character, block, unbuffered character (the same as `c`), or fifo. */
  type: "c" | "b" | "u" | "p";
  /** Absolute path inside the container. */
  path: string;
  /** Major number; not for a fifo. */
  major?: number;
  /** Minor number; not for a fifo. */
  minor?: number;
  /** Permission bits (bits of the file type are ignored); absent: 0666. */
  fileMode?: number;
  /** Owner inside the container. */
  uid?: number;
  /** Group inside the container. */
  gid?: number;
}

/** A network device moved into the container. */
export interface LinuxNetDevice {
  /** Its name there; absent: unchanged. `%d` lets the kernel number it. */
  name?: string;
}

/** A system call filter in libseccomp's terms. */
export interface LinuxSeccomp {
  /** What happens to a call that no rule names. Empty, with no rules: no filter at all. */
  defaultAction: SeccompAction | "";
  /** Error number of that action; absent: EPERM. */
  defaultErrnoRet?: number;
  /** Architectures whose calls the rules cover, beyond the native one. */
  architectures?: SeccompArch[];
  /** Flags of seccomp(2); absent: SPEC_ALLOW where it is supported. */
  flags?: SeccompFlag[];
  /** Unix socket that is sent the notification descriptor. */
  listenerPath?: string;
  /** Opaque text sent with it. */
  listenerMetadata?: string;
  /** The rules. */
  syscalls?: LinuxSyscall[];
}

/** One rule for a number of system calls. */
export interface LinuxSyscall {
  /** Names of the system calls. */
  names: string[];
  /** What happens to them. */
  action: SeccompAction;
  /** Error number of that action; absent: EPERM. */
  errnoRet?: number;
  /** Conditions on their arguments, all of which must hold. */
  args?: LinuxSeccompArg[];
}

/** A condition on one argument of a system call. */
export interface LinuxSeccompArg {
  /** The argument, 0 to 5. */
  index: number;
  /** Value to compare with; the mask of SCMP_CMP_MASKED_EQ. */
  value: Uint64;
  /** Value to compare with of SCMP_CMP_MASKED_EQ. */
  valueTwo?: Uint64;
  /** The comparison. */
  op: SeccompOperator;
}

/** Intel Resource Director Technology. */
export interface LinuxIntelRdt {
  /** Class of service; `/` is the default one; absent: one named after the container. */
  closID?: string;
  /** Line of the `schemata` file for the L3 cache. */
  l3CacheSchema?: string;
  /** Line of the `schemata` file for memory bandwidth. */
  memBwSchema?: string;
  /** Lines of the `schemata` file, written after the other two. */
  schemata?: string[];
  /** Makes a monitoring group for the container. */
  enableMonitoring?: boolean;
}

/** NUMA memory policy: set_mempolicy(2). */
export interface LinuxMemoryPolicy {
  /** The policy, such as MPOL_BIND. */
  mode: MemoryPolicyMode;
  /** Memory nodes, as a list such as `0-3,7`. */
  nodes?: string;
  /** Flags, such as MPOL_F_STATIC_NODES. */
  flags?: MemoryPolicyFlag[];
}

/** Execution domain: personality(2). */
export interface LinuxPersonality {
  /** LINUX32 makes uname(2) report a 32-bit machine. */
  domain: PersonalityDomain;
  /** None is defined. */
  flags?: string[];
}
