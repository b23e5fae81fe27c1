/**
 * Capabilities: capabilities(7), linux/capability.h.
 *
 * @module
 */
import { lookup } from "./tables.ts";

/** Capability names and their bit numbers, complete up to Linux 6.18. */
export const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_FOWNER: 3,
  CAP_FSETID: 4,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SETPCAP: 8,
  CAP_LINUX_IMMUTABLE: 9,
  CAP_NET_BIND_SERVICE: 10,
  CAP_NET_BROADCAST: 11,
  CAP_NET_ADMIN: 12,
  CAP_NET_RAW: 13,
  CAP_IPC_LOCK: 14,
  CAP_IPC_OWNER: 15,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_CHROOT: 18,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_PACCT: 20,
  CAP_SYS_ADMIN: 21,
  CAP_SYS_BOOT: 22,
  CAP_SYS_NICE: 23,
  CAP_SYS_RESOURCE: 24,
  CAP_SYS_TIME: 25,
  CAP_SYS_TTY_CONFIG: 26,
  CAP_MKNOD: 27,
  CAP_LEASE: 28,
  CAP_AUDIT_WRITE: 29,
  CAP_AUDIT_CONTROL: 30,
  CAP_SETFCAP: 31,
  CAP_MAC_OVERRIDE: 32,
  CAP_MAC_ADMIN: 33,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
  CAP_CHECKPOINT_RESTORE: 40,
} as const;

/** Name of a capability. */
export type CapabilityName = keyof typeof CAPABILITIES;

/** The two 32-bit words of a capability set, as capset(2) takes them. */
export interface CapabilityWords {
  /** Capabilities 0 to 31. */
  low: number;
  /** Capabilities 32 to 63. */
  high: number;
}

/**
 * Bits of the named capabilities. Unknown names are left out, as the specification wants.
 *
 * @param names Names such as CAP_KILL; absent means none.
 * @param last Number of the last capability that the kernel has (/proc/sys/kernel/cap_last_cap).
 */
export function capabilityWords(names: readonly string[] | undefined, last = 40): CapabilityWords {
  let low = 0, high = 0;
  for (const name of names ?? []) {
    const bit = lookup(CAPABILITIES, name);
    if (bit === undefined || bit > last) continue;
    if (bit < 32) low |= 1 << bit;
    else high |= 1 << (bit - 32);
  }
  return { low: low >>> 0, high: high >>> 0 };
}
