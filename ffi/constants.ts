/**
 * Numbers of the kernel's interface, under the kernel's names.
 *
 * Sources: include/uapi/{linux,asm-generic}/*.h. A comment names the constants that differ between x86-64 and
 * aarch64.
 * @module
 */

// fcntl.h. O_DIRECTORY and O_NOFOLLOW differ between the architectures.
const arm = Deno.build.arch === "aarch64";
export const O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0o100, O_EXCL = 0o200, O_NOCTTY = 0o400;
export const O_NONBLOCK = 0o4000,
  O_CLOEXEC = 0o2000000,
  O_PATH = 0o10000000;
export const O_TRUNC = 0o1000, O_APPEND = 0o2000;
/** By architecture. */
export const NO_FOLLOW = { x86_64: 0o400000, aarch64: 0o100000 } as const;
export const O_DIRECTORY = arm ? 0o40000 : 0o200000,
  O_NOFOLLOW: number = NO_FOLLOW[arm ? "aarch64" : "x86_64"];
/** The kernel's __O_TMPFILE, which goes with O_DIRECTORY. */
export const O_TMPFILE = 0o20000000;
export const AT_FDCWD = -100, AT_SYMLINK_NOFOLLOW = 0x100, AT_REMOVEDIR = 0x200, AT_EACCESS = 0x200;
export const AT_EMPTY_PATH = 0x1000, AT_RECURSIVE = 0x8000;
export const F_DUPFD = 0,
  F_GETFD = 1,
  F_SETFD = 2,
  F_DUPFD_CLOEXEC = 1030,
  F_ADD_SEALS = 1033,
  FD_CLOEXEC = 1;
export const F_SEAL_SEAL = 1, F_SEAL_SHRINK = 2, F_SEAL_GROW = 4, F_SEAL_WRITE = 8, F_SEAL_EXEC = 0x20;

export const LOCK_EX = 2, LOCK_NB = 4;

// openat2.h
export const RESOLVE_NO_XDEV = 1,
  RESOLVE_NO_MAGICLINKS = 2,
  RESOLVE_NO_SYMLINKS = 4,
  RESOLVE_BENEATH = 8,
  RESOLVE_IN_ROOT = 16;

// stat.h
export const S_IFMT = 0o170000,
  S_IFIFO = 0o010000,
  S_IFCHR = 0o020000,
  S_IFDIR = 0o040000,
  S_IFBLK = 0o060000;
export const S_IFREG = 0o100000, S_IFLNK = 0o120000, S_IFSOCK = 0o140000;
export const STATX_BASIC_STATS = 0x7ff, STATX_MNT_ID = 0x1000, STATX_ATTR_MOUNT_ROOT = 0x2000;

// mount.h, magic.h. Flags of mounts (MS_*, MOUNT_ATTR_*) are in spec/mount_options.ts, CLONE_NEW* in
// spec/namespaces.ts.
export const MNT_DETACH = 2;
export const FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1, OPEN_TREE_CLONE = 1, OPEN_TREE_CLOEXEC = O_CLOEXEC;
export const FSCONFIG_SET_FLAG = 0, FSCONFIG_SET_STRING = 1, FSCONFIG_CMD_CREATE = 6;
export const MOVE_MOUNT_F_EMPTY_PATH = 4, MOVE_MOUNT_T_EMPTY_PATH = 0x40;
export const PROC_SUPER_MAGIC = 0x9fa0, PIDFS_MAGIC = 0x50494446;

// sched.h
export const CLONE_PARENT = 0x8000, CLONE_PARENT_SETTID = 0x100000;
/**
 * For clone3(2) only. It lies above the 32 bits that JavaScript's bit operators see, so it is added and never
 * combined with `|`.
 */
export const CLONE_INTO_CGROUP = 0x200000000;

// prctl.h, securebits.h, keyctl.h, seccomp.h
export const PR_SET_PDEATHSIG = 1,
  PR_SET_DUMPABLE = 4,
  PR_SET_KEEPCAPS = 8,
  PR_SET_NAME = 15,
  PR_CAPBSET_DROP = 24;
export const PR_CAPBSET_READ = 23, PR_SET_CHILD_SUBREAPER = 36, PR_SET_NO_NEW_PRIVS = 38, PR_CAP_AMBIENT = 47;
export const PR_CAP_AMBIENT_RAISE = 2, PR_CAP_AMBIENT_CLEAR_ALL = 4;
export const KEYCTL_JOIN_SESSION_KEYRING = 1, KEYCTL_SETPERM = 5;
export const SECCOMP_SET_MODE_FILTER = 1, SECCOMP_FILTER_FLAG_NEW_LISTENER = 8;

// signal.h, wait.h, poll.h
export const SIGHUP = 1, SIGINT = 2, SIGKILL = 9, SIGPIPE = 13, SIGTERM = 15, SIGCHLD = 17;
export const P_PID = 1, P_PIDFD = 3, WEXITED = 4, WNOWAIT = 0x1000000, CLD_EXITED = 1, CLD_DUMPED = 3;
export const SIGTTIN = 21, SIGTTOU = 22, SIGWINCH = 28;
export const SIG_BLOCK = 0, SIG_SETMASK = 2, WNOHANG = 1, POLLIN = 1, POLLERR = 8, POLLHUP = 16;

// fs.h, memfd.h, socket.h, if.h, sockios.h, file.h
export const CLOSE_RANGE_CLOEXEC = 4, MFD_CLOEXEC = 1, MFD_ALLOW_SEALING = 2, MFD_EXEC = 0x10;
export const AF_UNIX = 1,
  AF_INET = 2,
  AF_NETLINK = 16,
  SOCK_STREAM = 1,
  SOCK_DGRAM = 2,
  SOCK_RAW = 3,
  SOCK_SEQPACKET = 5,
  SOCK_CLOEXEC = O_CLOEXEC;
export const SIOCSIFFLAGS = 0x8914, IFF_UP = 1, IFF_RUNNING = 0x40;
export const MSG_DONTWAIT = 0x40, MSG_TRUNC = 0x20;
export const RLIMIT_NOFILE = 7;
// time.h
export const CLOCK_REALTIME = 0;
// eventfd.h, inotify.h, fcntl.h
export const EFD_NONBLOCK = 0o4000, EFD_CLOEXEC = 0o2000000;
export const IN_NONBLOCK = 0o4000, IN_CLOEXEC = 0o2000000, IN_MODIFY = 2;
export const FIONREAD = 0x541b;
export const F_GETFL = 3, F_SETFL = 4, O_ACCMODE = 3;
export const MAP_SHARED = 1,
  MAP_PRIVATE = 2,
  MAP_FIXED = 0x10,
  MAP_FIXED_NOREPLACE = 0x100000,
  PROT_READ = 1,
  PROT_WRITE = 2;

// sched.h, ioprio.h, capability.h, stat.h, mount.h, magic.h, unistd.h
export const CLONE_PIDFD = 0x1000, PF_EXITING = 4;
export const IOPRIO_WHO_PROCESS = 1, IOPRIO_CLASS_SHIFT = 13;
export const LINUX_CAPABILITY_VERSION_3 = 0x20080522;
export const S_IWGRP = 0o020,
  S_IWOTH = 0o002,
  STATX_MNT_ID_UNIQUE = 0x4000,
  STATMOUNT_MNT_BASIC = 2,
  UMOUNT_NOFOLLOW = 8,
  DEVPTS_SUPER_MAGIC = 0x1cd1,
  W_OK = 2,
  X_OK = 1;

// signal.h, poll.h, mman.h, socket.h
export const SA_NOCLDSTOP = 1, SA_RESTART = 0x10000000, SIG_DFL = 0, SIG_IGN = 1;
/** x86-64 only. */
export const SA_RESTORER = 0x04000000;
export const SEEK_SET = 0, SEEK_CUR = 1;
export const POLLOUT = 4;
export const PROT_EXEC = 4, MAP_ANONYMOUS = 0x20;
export const MSG_PEEK = 2, MSG_NOSIGNAL = 0x4000, MSG_CMSG_CLOEXEC = 0x40000000;
export const SOL_SOCKET = 1, SO_SNDTIMEO = 21, SCM_RIGHTS = 1;

// seccomp.h, bpf_common.h, bpf.h
export const SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32,
  SECCOMP_RET_ALLOW = 0x7fff0000,
  SECCOMP_RET_LOG = 0x7ffc0000;
/** Instructions of classic BPF: load a word, jump, compare with a constant and jump, return. */
export const BPF_LD_W_ABS = 0x20,
  BPF_JA = 0x05,
  BPF_JEQ_K = 0x15,
  BPF_JGT_K = 0x25,
  BPF_JGE_K = 0x35,
  BPF_JSET_K = 0x45,
  BPF_AND_K = 0x54,
  BPF_RET_K = 0x06;
export const BPF_PROG_LOAD = 5,
  BPF_PROG_ATTACH = 8,
  BPF_PROG_DETACH = 9,
  BPF_PROG_GET_FD_BY_ID = 13,
  BPF_PROG_QUERY = 16;
export const BPF_PROG_TYPE_CGROUP_DEVICE = 15,
  BPF_CGROUP_DEVICE = 6,
  BPF_F_ALLOW_MULTI = 2,
  BPF_F_REPLACE = 4;
