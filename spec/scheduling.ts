/**
 * Names of CPU, I/O and memory policies and their numbers: sched_setattr(2), ioprio_set(2), set_mempolicy(2),
 * personality(2).
 *
 * @module
 */

/** Policies of CPU scheduling: linux/sched.h. */
export const SCHEDULER_POLICIES = {
  SCHED_OTHER: 0,
  SCHED_FIFO: 1,
  SCHED_RR: 2,
  SCHED_BATCH: 3,
  SCHED_ISO: 4,
  SCHED_IDLE: 5,
  SCHED_DEADLINE: 6,
} as const;

/** Flags of CPU scheduling: linux/sched.h. */
export const SCHEDULER_FLAGS = {
  SCHED_FLAG_RESET_ON_FORK: 0x01,
  SCHED_FLAG_RECLAIM: 0x02,
  SCHED_FLAG_DL_OVERRUN: 0x04,
  SCHED_FLAG_KEEP_POLICY: 0x08,
  SCHED_FLAG_KEEP_PARAMS: 0x10,
  SCHED_FLAG_UTIL_CLAMP_MIN: 0x20,
  SCHED_FLAG_UTIL_CLAMP_MAX: 0x40,
} as const;

/** Classes of I/O scheduling: linux/ioprio.h. */
export const IO_PRIORITY_CLASSES = {
  IOPRIO_CLASS_RT: 1,
  IOPRIO_CLASS_BE: 2,
  IOPRIO_CLASS_IDLE: 3,
} as const;

/** NUMA memory policies: linux/mempolicy.h. */
export const MEMORY_POLICY_MODES = {
  MPOL_DEFAULT: 0,
  MPOL_PREFERRED: 1,
  MPOL_BIND: 2,
  MPOL_INTERLEAVE: 3,
  MPOL_LOCAL: 4,
  MPOL_PREFERRED_MANY: 5,
  MPOL_WEIGHTED_INTERLEAVE: 6,
} as const;

/** Flags of NUMA memory policies, to be added to the policy: linux/mempolicy.h. */
export const MEMORY_POLICY_FLAGS = {
  MPOL_F_NUMA_BALANCING: 1 << 13,
  MPOL_F_RELATIVE_NODES: 1 << 14,
  MPOL_F_STATIC_NODES: 1 << 15,
} as const;

/** Execution domains: linux/personality.h. */
export const PERSONALITY_DOMAINS = { LINUX: 0x0000, LINUX32: 0x0008 } as const;

/** Name of a policy of CPU scheduling. */
export type SchedulerPolicy = keyof typeof SCHEDULER_POLICIES;
/** Name of a flag of CPU scheduling. */
export type SchedulerFlag = keyof typeof SCHEDULER_FLAGS;
/** Name of a class of I/O scheduling. */
export type IOPriorityClass = keyof typeof IO_PRIORITY_CLASSES;
/** Name of a NUMA memory policy. */
export type MemoryPolicyMode = keyof typeof MEMORY_POLICY_MODES;
/** Name of a flag of NUMA memory policies. */
export type MemoryPolicyFlag = keyof typeof MEMORY_POLICY_FLAGS;
/** Name of an execution domain. */
export type PersonalityDomain = keyof typeof PERSONALITY_DOMAINS;
