/**
 * Numbers of system calls on x86-64, and of the flags that they take.
 * @module
 */

export const CALL = {
  close: 3,
  fstat: 5,
  poll: 7,
  mmap: 9,
  rt_sigaction: 13,
  mremap: 25,
  socketpair: 53,
  uname: 63,
  fcntl: 72,
  sigaltstack: 131,
  set_tid_address: 218,
  epoll_ctl: 233,
  openat: 257,
  set_robust_list: 273,
  timerfd_create: 283,
  timerfd_settime: 286,
  eventfd2: 290,
  epoll_create1: 291,
  dup3: 292,
  prlimit64: 302,
  rseq: 334,
} as const;

/** Bytes of a page. */
export const PAGE = 4096;
export const MAP_PRIVATE = 0x2,
  MAP_FIXED = 0x10,
  MAP_ANONYMOUS = 0x20,
  MAP_NORESERVE = 0x4000,
  MAP_FIXED_NOREPLACE = 0x100000;
/** MREMAP_MAYMOVE|MREMAP_FIXED. */
export const MREMAP_MAYMOVE_FIXED = 3;
/** NONBLOCK_CLOEXEC: the two flags of socket(2) and eventfd(2). */
export const O_CLOEXEC = 0x80000, NONBLOCK_CLOEXEC = 0x80800, AT_FDCWD = -100;
export const F_DUPFD_CLOEXEC = 1030, RLIMIT_NOFILE = 7;
