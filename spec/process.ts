/**
 * The container's process: runtime-spec `config.md`, section Process; also the document of `exec --process`.
 *
 * @module
 */
import type { Uint64 } from "./integers.ts";
import type { RlimitType } from "./rlimits.ts";
import type { IOPriorityClass, SchedulerFlag, SchedulerPolicy } from "./scheduling.ts";

/** A process to run in the container. */
export interface Process {
  /** Gives the process a terminal on its standard streams. */
  terminal?: boolean;
  /** Size of that terminal; ignored without one. */
  consoleSize?: Box;
  /** Ids that the process runs with. */
  user: User;
  /** Argument vector; args[0] is looked up in the container's PATH as execvp(3) does. */
  args: string[];
  /** Environment, as `name=value`. */
  env?: string[];
  /** Absolute working directory inside the container. */
  cwd: string;
  /** Capabilities kept by the process; absent means none. */
  capabilities?: LinuxCapabilities;
  /** Resource limits: setrlimit(2). */
  rlimits?: Rlimit[];
  /** Sets no_new_privs: execve(2) grants no privileges any more. */
  noNewPrivileges?: boolean;
  /** AppArmor profile of the process. */
  apparmorProfile?: string;
  /** OOM killer adjustment, -1000 to 1000; absent: left as it is. */
  oomScoreAdj?: number;
  /** CPU scheduling: sched_setattr(2). */
  scheduler?: Scheduler;
  /** SELinux label of the process. */
  selinuxLabel?: string;
  /** I/O scheduling: ioprio_set(2). */
  ioPriority?: LinuxIOPriority;
  /** CPUs that a process of `exec` runs on; not for the container's first process. */
  execCPUAffinity?: CPUAffinity;
}

/** Size of a terminal in characters. */
export interface Box {
  /** Rows. */
  height: number;
  /** Columns. */
  width: number;
}

/** Ids of the process, as seen inside the container. */
export interface User {
  /** User id. */
  uid: number;
  /** Group id. */
  gid: number;
  /** File mode creation mask. */
  umask?: number;
  /** Supplementary group ids. */
  additionalGids?: number[];
}

/** The five capability sets of capabilities(7), as names such as CAP_KILL. */
export interface LinuxCapabilities {
  /** Upper bound of what execve(2) may grant. */
  bounding?: string[];
  /** The set that the kernel checks. */
  effective?: string[];
  /** Kept across execve(2) of files with inheritable capabilities. */
  inheritable?: string[];
  /** Upper bound of the effective set. */
  permitted?: string[];
  /** Kept across execve(2) of ordinary files. */
  ambient?: string[];
}

/** One resource limit. */
export interface Rlimit {
  /** The resource, such as RLIMIT_NOFILE. */
  type: RlimitType;
  /** Ceiling of the soft limit; 2^64-1 is no limit. */
  hard: Uint64;
  /** Limit that the kernel enforces; 2^64-1 is no limit. */
  soft: Uint64;
}

/** CPU scheduling of the process: sched_setattr(2). */
export interface Scheduler {
  /** Scheduling policy, such as SCHED_FIFO. */
  policy: SchedulerPolicy;
  /** Nice value of SCHED_OTHER and SCHED_BATCH, -20 to 19. */
  nice?: number;
  /** Static priority of SCHED_FIFO and SCHED_RR. */
  priority?: number;
  /** Flags, such as SCHED_FLAG_RESET_ON_FORK. */
  flags?: SchedulerFlag[];
  /** Nanoseconds of CPU time in each period; SCHED_DEADLINE only. */
  runtime?: Uint64;
  /** Nanoseconds from the period's start to its deadline; SCHED_DEADLINE only. */
  deadline?: Uint64;
  /** Length of the period in nanoseconds; SCHED_DEADLINE only. */
  period?: Uint64;
}

/** I/O scheduling of the process: ioprio_set(2). */
export interface LinuxIOPriority {
  /** Scheduling class: IOPRIO_CLASS_RT, IOPRIO_CLASS_BE or IOPRIO_CLASS_IDLE. */
  class: IOPriorityClass;
  /** Priority in the class, 0 (highest) to 7. */
  priority: number;
}

/** CPUs that a process of `exec` runs on, as lists such as `0-3,7`. */
export interface CPUAffinity {
  /** Before the process enters the container's cgroup. */
  initial?: string;
  /** After that. */
  final?: string;
}
