/**
 * Names of flags and of numbers in the arguments of system calls, and their text.
 *
 * Sources: include/uapi/{linux,asm-generic}/*.h. A test compares them with ffi/constants.ts and spec/.
 * @module
 */

import { CAPABILITIES } from "../../spec/capabilities.ts";
import { RLIMITS } from "../../spec/rlimits.ts";
import { SIGNALS } from "../../spec/signals.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_TMPFILE } from "../constants.ts";

/** Names of single numbers, or of bits. */
export type Names = Readonly<Record<string, number>>;

/** Names that are bits of one argument; `field` names a part of it that holds a number instead. */
export interface Flags {
  bits: Names;
  field?: { mask: number; values: Names };
}

/** Bits by what they belong to, under the names of the headers. */
export const FLAGS = {
  open: {
    bits: {
      ...{ O_CREAT: 0o100, O_EXCL: 0o200, O_NOCTTY: 0o400, O_TRUNC: 0o1000, O_APPEND: 0o2000 },
      ...{ O_NONBLOCK: 0o4000, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC: 0o2000000, O_PATH: 0o10000000 },
      ...{ O_TMPFILE },
    },
    field: { mask: 3, values: { O_RDONLY: 0, O_WRONLY: 1, O_RDWR: 2 } },
  },
  at: {
    bits: {
      ...{ AT_SYMLINK_NOFOLLOW: 0x100, AT_SYMLINK_FOLLOW: 0x400, AT_NO_AUTOMOUNT: 0x800 },
      ...{ AT_EMPTY_PATH: 0x1000, AT_RECURSIVE: 0x8000 },
    },
  },
  unlink: { bits: { AT_REMOVEDIR: 0x200 } },
  resolve: {
    bits: {
      ...{ RESOLVE_NO_XDEV: 1, RESOLVE_NO_MAGICLINKS: 2, RESOLVE_NO_SYMLINKS: 4, RESOLVE_BENEATH: 8 },
      RESOLVE_IN_ROOT: 16,
    },
  },
  mount: {
    bits: {
      ...{ MS_RDONLY: 1, MS_NOSUID: 2, MS_NODEV: 4, MS_NOEXEC: 8, MS_SYNCHRONOUS: 16, MS_REMOUNT: 32 },
      ...{ MS_MANDLOCK: 64, MS_DIRSYNC: 128, MS_NOSYMFOLLOW: 256, MS_NOATIME: 1024, MS_NODIRATIME: 2048 },
      ...{ MS_BIND: 4096, MS_MOVE: 8192, MS_REC: 16384, MS_SILENT: 32768, MS_UNBINDABLE: 1 << 17 },
      ...{ MS_PRIVATE: 1 << 18, MS_SLAVE: 1 << 19, MS_SHARED: 1 << 20, MS_RELATIME: 1 << 21 },
      ...{ MS_I_VERSION: 1 << 23, MS_STRICTATIME: 1 << 24, MS_LAZYTIME: 1 << 25 },
    },
  },
  umount: { bits: { MNT_FORCE: 1, MNT_DETACH: 2, MNT_EXPIRE: 4, UMOUNT_NOFOLLOW: 8 } },
  mountAttributes: {
    bits: {
      ...{ MOUNT_ATTR_RDONLY: 1, MOUNT_ATTR_NOSUID: 2, MOUNT_ATTR_NODEV: 4, MOUNT_ATTR_NOEXEC: 8 },
      ...{ MOUNT_ATTR_NODIRATIME: 0x80, MOUNT_ATTR_IDMAP: 0x100000, MOUNT_ATTR_NOSYMFOLLOW: 0x200000 },
    },
    // All bits of the field at once are for attr_clr of mount_setattr(2).
    field: {
      mask: 0x70,
      values: { MOUNT_ATTR_NOATIME: 0x10, MOUNT_ATTR_STRICTATIME: 0x20, MOUNT_ATTR__ATIME: 0x70 },
    },
  },
  fsopen: { bits: { FSOPEN_CLOEXEC: 1 } },
  fsmount: { bits: { FSMOUNT_CLOEXEC: 1 } },
  openTree: {
    bits: {
      OPEN_TREE_CLONE: 1,
      OPEN_TREE_CLOEXEC: 0o2000000,
      ...{ AT_SYMLINK_NOFOLLOW: 0x100, AT_NO_AUTOMOUNT: 0x800, AT_EMPTY_PATH: 0x1000, AT_RECURSIVE: 0x8000 },
    },
  },
  moveMount: {
    bits: {
      ...{ MOVE_MOUNT_F_SYMLINKS: 1, MOVE_MOUNT_F_AUTOMOUNTS: 2, MOVE_MOUNT_F_EMPTY_PATH: 4 },
      ...{ MOVE_MOUNT_T_SYMLINKS: 0x10, MOVE_MOUNT_T_AUTOMOUNTS: 0x20, MOVE_MOUNT_T_EMPTY_PATH: 0x40 },
    },
  },
  clone: {
    bits: {
      ...{ CLONE_NEWTIME: 0x80, CLONE_VM: 0x100, CLONE_FS: 0x200, CLONE_FILES: 0x400, CLONE_PIDFD: 0x1000 },
      ...{ CLONE_VFORK: 0x4000, CLONE_PARENT: 0x8000, CLONE_NEWNS: 0x20000, CLONE_PARENT_SETTID: 0x100000 },
      ...{ CLONE_NEWCGROUP: 0x02000000, CLONE_NEWUTS: 0x04000000, CLONE_NEWIPC: 0x08000000 },
      ...{ CLONE_NEWUSER: 0x10000000, CLONE_NEWPID: 0x20000000, CLONE_NEWNET: 0x40000000 },
      CLONE_INTO_CGROUP: 0x200000000,
    },
  },
  closeRange: { bits: { CLOSE_RANGE_UNSHARE: 2, CLOSE_RANGE_CLOEXEC: 4 } },
  memfd: { bits: { MFD_CLOEXEC: 1, MFD_ALLOW_SEALING: 2, MFD_NOEXEC_SEAL: 8, MFD_EXEC: 0x10 } },
  seals: {
    bits: {
      ...{ F_SEAL_SEAL: 1, F_SEAL_SHRINK: 2, F_SEAL_GROW: 4, F_SEAL_WRITE: 8, F_SEAL_EXEC: 0x20 },
    },
  },
  statx: { bits: { STATX_BASIC_STATS: 0x7ff, STATX_MNT_ID: 0x1000, STATX_MNT_ID_UNIQUE: 0x4000 } },
  socketType: {
    bits: { SOCK_NONBLOCK: 0o4000, SOCK_CLOEXEC: 0o2000000 },
    field: { mask: 15, values: { SOCK_STREAM: 1, SOCK_DGRAM: 2, SOCK_RAW: 3, SOCK_SEQPACKET: 5 } },
  },
  message: {
    bits: {
      ...{ MSG_PEEK: 2, MSG_TRUNC: 0x20, MSG_DONTWAIT: 0x40, MSG_NOSIGNAL: 0x4000 },
      MSG_CMSG_CLOEXEC: 0x40000000,
    },
  },
  protection: { bits: { PROT_READ: 1, PROT_WRITE: 2, PROT_EXEC: 4 } },
  map: {
    bits: {
      ...{ MAP_SHARED: 1, MAP_PRIVATE: 2, MAP_FIXED: 0x10, MAP_ANONYMOUS: 0x20 },
      MAP_FIXED_NOREPLACE: 0x100000,
    },
  },
  seccomp: {
    bits: {
      ...{ SECCOMP_FILTER_FLAG_TSYNC: 1, SECCOMP_FILTER_FLAG_LOG: 2, SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4 },
      ...{ SECCOMP_FILTER_FLAG_NEW_LISTENER: 8, SECCOMP_FILTER_FLAG_TSYNC_ESRCH: 16 },
      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: 32,
    },
  },
  wait: { bits: { WNOHANG: 1, WEXITED: 4, WNOWAIT: 0x1000000 } },
  lock: { bits: { LOCK_SH: 1, LOCK_EX: 2, LOCK_NB: 4, LOCK_UN: 8 } },
  watch: { bits: { IN_MODIFY: 2, IN_NONBLOCK: 0o4000, IN_CLOEXEC: 0o2000000 } },
  event: { bits: { EFD_NONBLOCK: 0o4000, EFD_CLOEXEC: 0o2000000 } },
  descriptor: { bits: { FD_CLOEXEC: 1 } },
  capabilities: {
    bits: Object.fromEntries(Object.entries(CAPABILITIES).map(([name, bit]) => [name, 2 ** bit])),
  },
} as const satisfies Record<string, Flags>;

/** Numbers of which an argument is one. */
export const NUMBERS = {
  fsconfig: {
    ...{ FSCONFIG_SET_FLAG: 0, FSCONFIG_SET_STRING: 1, FSCONFIG_SET_BINARY: 2, FSCONFIG_SET_PATH: 3 },
    ...{ FSCONFIG_SET_PATH_EMPTY: 4, FSCONFIG_SET_FD: 5, FSCONFIG_CMD_CREATE: 6 },
    FSCONFIG_CMD_RECONFIGURE: 7,
  },
  prctl: {
    ...{ PR_SET_PDEATHSIG: 1, PR_GET_DUMPABLE: 3, PR_SET_DUMPABLE: 4, PR_SET_KEEPCAPS: 8, PR_SET_NAME: 15 },
    ...{ PR_CAPBSET_READ: 23, PR_CAPBSET_DROP: 24, PR_SET_SECUREBITS: 28, PR_SET_CHILD_SUBREAPER: 36 },
    ...{ PR_SET_NO_NEW_PRIVS: 38, PR_CAP_AMBIENT: 47 },
  },
  ambient: {
    ...{ PR_CAP_AMBIENT_IS_SET: 1, PR_CAP_AMBIENT_RAISE: 2, PR_CAP_AMBIENT_LOWER: 3 },
    PR_CAP_AMBIENT_CLEAR_ALL: 4,
  },
  capability: CAPABILITIES,
  fcntl: {
    ...{ F_DUPFD: 0, F_GETFD: 1, F_SETFD: 2, F_GETFL: 3, F_SETFL: 4, F_DUPFD_CLOEXEC: 1030 },
    ...{ F_ADD_SEALS: 1033, F_GET_SEALS: 1034 },
  },
  keyctl: { KEYCTL_JOIN_SESSION_KEYRING: 1, KEYCTL_SETPERM: 5, KEYCTL_DESCRIBE: 6 },
  seccomp: { SECCOMP_SET_MODE_STRICT: 0, SECCOMP_SET_MODE_FILTER: 1, SECCOMP_GET_ACTION_AVAIL: 2 },
  domain: { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10, AF_NETLINK: 16 },
  ioctl: {
    ...{ TCGETS: 0x5401, TCSETS: 0x5402, TCSETSW: 0x5403, TIOCSCTTY: 0x540e, TIOCGPGRP: 0x540f },
    ...{ TIOCGWINSZ: 0x5413, TIOCSWINSZ: 0x5414, TIOCGPTN: 0x80045430, TIOCSPTLCK: 0x40045431 },
    ...{ TIOCGPTPEER: 0x5441, SIOCGIFFLAGS: 0x8913, SIOCSIFFLAGS: 0x8914 },
  },
  limit: RLIMITS,
  signal: SIGNALS,
  which: { P_ALL: 0, P_PID: 1, P_PGID: 2, P_PIDFD: 3 },
  how: { SIG_BLOCK: 0, SIG_UNBLOCK: 1, SIG_SETMASK: 2 },
  clock: { CLOCK_REALTIME: 0, CLOCK_MONOTONIC: 1 },
  bpf: {
    ...{ BPF_PROG_LOAD: 5, BPF_PROG_ATTACH: 8, BPF_PROG_DETACH: 9, BPF_PROG_GET_FD_BY_ID: 13 },
    BPF_PROG_QUERY: 16,
  },
  priority: { IOPRIO_WHO_PROCESS: 1, IOPRIO_WHO_PGRP: 2, IOPRIO_WHO_USER: 3 },
} as const satisfies Record<string, Names>;

/** A number by its name; the number itself where it has none. */
export function nameOfNumber(value: number, names: Names): string {
  return Object.entries(names).find(([, known]) => known === value)?.[0] ?? String(value);
}

/** Flags by their names, joined by `|`. Bits without a name stay a hexadecimal number; no bits are `0`. */
export function namesOfFlags(value: number | bigint, { bits, field }: Flags): string {
  let rest = BigInt(value);
  const names: string[] = [];
  if (field) {
    const part = Number(rest & BigInt(field.mask));
    const name = Object.entries(field.values).find(([, known]) => known === part)?.[0];
    if (name !== undefined) {
      names.push(name);
      rest &= ~BigInt(field.mask);
    }
  }
  for (const [name, bit] of Object.entries(bits)) {
    const all = BigInt(bit);
    if ((rest & all) !== all) continue;
    names.push(name);
    rest &= ~all;
  }
  if (rest !== 0n) names.push(`0x${rest.toString(16)}`);
  return names.join("|") || "0";
}
