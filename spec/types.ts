/**
 * The types of the OCI runtime specification 1.3 for Linux, under the names of its Go package where those are
 * well known.
 *
 * They describe a document that was read by `parseJson` and found free of problems by `validateConfig`: a
 * JSON `null` is an absent property, and a 64-bit integer that a JavaScript number cannot hold is a `bigint`.
 *
 * @module
 */
export type { Int64, Uint64 } from "./integers.ts";
export type * from "./config.ts";
export type * from "./process.ts";
export type * from "./linux.ts";
export type * from "./resources.ts";
export type * from "./state.ts";
export type * from "./features_document.ts";
// Names that those documents use, with the numbers that the kernel knows them by.
export type { MOUNT_PROPAGATION } from "./mount_options.ts";
export type { NAMESPACES, NamespaceType } from "./namespaces.ts";
export type { RLIMITS, RlimitType } from "./rlimits.ts";
export type {
  IO_PRIORITY_CLASSES,
  IOPriorityClass,
  MEMORY_POLICY_FLAGS,
  MEMORY_POLICY_MODES,
  MemoryPolicyFlag,
  MemoryPolicyMode,
  PERSONALITY_DOMAINS,
  PersonalityDomain,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
  SchedulerFlag,
  SchedulerPolicy,
} from "./scheduling.ts";
export type {
  SECCOMP_ACTIONS,
  SECCOMP_ARCHS,
  SECCOMP_FLAGS,
  SECCOMP_OPERATORS,
  SeccompAction,
  SeccompArch,
  SeccompFlag,
  SeccompOperator,
} from "./seccomp.ts";

/**
 * Version of the runtime specification that is implemented; the newest one whose documents are understood.
 */
export const OCI_VERSION = "1.3.0";

/** Oldest version of the runtime specification whose documents are understood. */
export const OCI_VERSION_MIN = "1.0.0";
