/**
 * Names of system call filters and their values: libseccomp's seccomp.h, seccomp(2).
 *
 * @module
 */

/** Actions, as libseccomp's SCMP_ACT_* values; ERRNO and TRACE carry a number in their low 16 bits. */
export const SECCOMP_ACTIONS = {
  SCMP_ACT_ALLOW: 0x7fff0000,
  SCMP_ACT_ERRNO: 0x00050000,
  SCMP_ACT_KILL: 0x00000000,
  SCMP_ACT_KILL_PROCESS: 0x80000000,
  SCMP_ACT_KILL_THREAD: 0x00000000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_NOTIFY: 0x7fc00000,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_TRAP: 0x00030000,
} as const;

/** Name of an action. */
export type SeccompAction = keyof typeof SECCOMP_ACTIONS;

/** Comparisons, as libseccomp's `enum scmp_compare`. */
export const SECCOMP_OPERATORS = {
  SCMP_CMP_EQ: 4,
  SCMP_CMP_GE: 5,
  SCMP_CMP_GT: 6,
  SCMP_CMP_LE: 3,
  SCMP_CMP_LT: 2,
  SCMP_CMP_MASKED_EQ: 7,
  SCMP_CMP_NE: 1,
} as const;

/** Name of a comparison. */
export type SeccompOperator = keyof typeof SECCOMP_OPERATORS;

/** Architectures, as libseccomp's SCMP_ARCH_* tokens; the last four need libseccomp 2.6. */
export const SECCOMP_ARCHS = {
  SCMP_ARCH_AARCH64: 0xc00000b7,
  SCMP_ARCH_ARM: 0x40000028,
  SCMP_ARCH_MIPS: 0x00000008,
  SCMP_ARCH_MIPS64: 0x80000008,
  SCMP_ARCH_MIPS64N32: 0xa0000008,
  SCMP_ARCH_MIPSEL: 0x40000008,
  SCMP_ARCH_MIPSEL64: 0xc0000008,
  SCMP_ARCH_MIPSEL64N32: 0xe0000008,
  SCMP_ARCH_PARISC: 0x0000000f,
  SCMP_ARCH_PARISC64: 0x8000000f,
  SCMP_ARCH_PPC: 0x00000014,
  SCMP_ARCH_PPC64: 0x80000015,
  SCMP_ARCH_PPC64LE: 0xc0000015,
  SCMP_ARCH_RISCV64: 0xc00000f3,
  SCMP_ARCH_S390: 0x00000016,
  SCMP_ARCH_S390X: 0x80000016,
  SCMP_ARCH_X32: 0x4000003e,
  SCMP_ARCH_X86: 0x40000003,
  SCMP_ARCH_X86_64: 0xc000003e,
  SCMP_ARCH_LOONGARCH64: 0xc0000102,
  SCMP_ARCH_M68K: 0x00000004,
  SCMP_ARCH_SH: 0x4000002a,
  SCMP_ARCH_SHEB: 0x0000002a,
} as const;

/** Name of an architecture. */
export type SeccompArch = keyof typeof SECCOMP_ARCHS;

/** Flags of seccomp(2) that a configuration may name. */
export const SECCOMP_FLAGS = {
  SECCOMP_FILTER_FLAG_TSYNC: 1,
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
} as const;

/** Name of a flag. */
export type SeccompFlag = keyof typeof SECCOMP_FLAGS;

/** Flag of seccomp(2) that returns a notification descriptor; the runtime adds it where a rule notifies. */
export const SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;
