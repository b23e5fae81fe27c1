/**
 * Numbers of system calls on x86-64, and of the flags that they take.
 * @module
 */
import { EFD_CLOEXEC, EFD_NONBLOCK } from "../../ffi/constants.ts";

export {
  AT_FDCWD,
  F_DUPFD_CLOEXEC,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  O_CLOEXEC,
  POLLIN,
  RLIMIT_NOFILE,
} from "../../ffi/constants.ts";

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
  prlimit64: 302,
  rseq: 334,
} as const;

/** Bytes of a page. */
export const PAGE = 4096;
export const MAP_NORESERVE = 0x4000;
/** MREMAP_MAYMOVE|MREMAP_FIXED. */
export const MREMAP_MAYMOVE_FIXED = 3;
/** The two flags that socket(2), eventfd(2) and timerfd_create(2) have in common. */
export const NONBLOCK_CLOEXEC = EFD_NONBLOCK | EFD_CLOEXEC;
