/**
 * System call numbers of both architectures that tsrun runs on.
 *
 * Sources: the kernel's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h.
 * @module
 */

/**
 * A name, its number on x86-64, its number on aarch64. The table is one text because V8 reads a text as it
 * is, while a table of a hundred rows takes 0.4 ms of every start.
 */
const TABLE = `
accept4 288 242
bind 49 200
bpf 321 280
capget 125 90
capset 126 91
chdir 80 49
chroot 161 51
clock_gettime 228 113
clone 56 220
clone3 435 435
close 3 57
close_range 436 436
connect 42 203
dup3 292 24
epoll_create1 291 20
epoll_ctl 233 21
epoll_pwait 281 22
eventfd2 290 19
execve 59 221
execveat 322 281
exit 60 93
exit_group 231 94
faccessat2 439 439
fchdir 81 50
fchmod 91 52
fchmodat 268 53
fchown 93 55
fchownat 260 54
fcntl 72 25
fgetxattr 193 10
flock 73 32
fsconfig 431 431
fsetxattr 190 7
fsmount 432 432
fsopen 430 430
fstatfs 138 44
fsync 74 82
ftruncate 77 46
getcwd 79 17
getdents64 217 61
getegid 108 177
geteuid 107 175
getpid 39 172
getppid 110 173
getrandom 318 278
gettid 186 178
getuid 102 174
inotify_add_watch 254 27
inotify_init1 294 26
ioctl 16 29
ioprio_set 251 30
keyctl 250 219
kill 62 129
linkat 265 37
listen 50 201
lseek 8 62
memfd_create 319 279
mkdirat 258 34
mknodat 259 33
mmap 9 222
mount 165 40
mount_setattr 442 442
move_mount 429 429
mprotect 10 226
munmap 11 215
newfstatat 262 79
open_tree 428 428
openat 257 56
openat2 437 437
personality 135 92
pidfd_getfd 438 438
pidfd_open 434 434
pidfd_send_signal 424 424
pipe2 293 59
pivot_root 155 41
ppoll 271 73
prctl 157 167
pread64 17 67
prlimit64 302 261
pwrite64 18 68
read 0 63
readlinkat 267 78
recvfrom 45 207
recvmsg 47 212
renameat2 316 276
rt_sigaction 13 134
rt_sigprocmask 14 135
sched_setaffinity 203 122
sched_setattr 314 274
seccomp 317 277
sendmsg 46 211
sendto 44 206
set_mempolicy 238 237
setdomainname 171 162
setfsgid 123 152
setfsuid 122 151
setgroups 116 159
sethostname 170 161
setns 308 268
setpgid 109 154
setresgid 119 149
setresuid 117 147
setsid 112 157
setsockopt 54 208
setxattr 188 5
signalfd4 289 74
socket 41 198
socketpair 53 199
statfs 137 43
statmount 457 457
statx 332 291
symlinkat 266 36
timerfd_create 283 85
timerfd_settime 286 86
umask 95 166
umount2 166 39
unlinkat 263 35
unshare 272 97
utimensat 280 88
wait4 61 260
waitid 247 95
write 1 64
writev 20 66
`;

/** Name of a system call that tsrun uses. */
export type SyscallName =
  | "accept4"
  | "bind"
  | "bpf"
  | "capget"
  | "capset"
  | "chdir"
  | "chroot"
  | "clock_gettime"
  | "clone"
  | "clone3"
  | "close"
  | "close_range"
  | "connect"
  | "dup3"
  | "epoll_create1"
  | "epoll_ctl"
  | "epoll_pwait"
  | "eventfd2"
  | "execve"
  | "execveat"
  | "exit"
  | "exit_group"
  | "faccessat2"
  | "fchdir"
  | "fchmod"
  | "fchmodat"
  | "fchown"
  | "fchownat"
  | "fcntl"
  | "fgetxattr"
  | "flock"
  | "fsconfig"
  | "fsetxattr"
  | "fsmount"
  | "fsopen"
  | "fstatfs"
  | "fsync"
  | "ftruncate"
  | "getcwd"
  | "getdents64"
  | "getegid"
  | "geteuid"
  | "getpid"
  | "getppid"
  | "getrandom"
  | "gettid"
  | "getuid"
  | "inotify_add_watch"
  | "inotify_init1"
  | "ioctl"
  | "ioprio_set"
  | "keyctl"
  | "kill"
  | "linkat"
  | "listen"
  | "lseek"
  | "memfd_create"
  | "mkdirat"
  | "mknodat"
  | "mmap"
  | "mount"
  | "mount_setattr"
  | "move_mount"
  | "mprotect"
  | "munmap"
  | "newfstatat"
  | "open_tree"
  | "openat"
  | "openat2"
  | "personality"
  | "pidfd_getfd"
  | "pidfd_open"
  | "pidfd_send_signal"
  | "pipe2"
  | "pivot_root"
  | "ppoll"
  | "prctl"
  | "pread64"
  | "prlimit64"
  | "pwrite64"
  | "read"
  | "readlinkat"
  | "recvfrom"
  | "recvmsg"
  | "renameat2"
  | "rt_sigaction"
  | "rt_sigprocmask"
  | "sched_setaffinity"
  | "sched_setattr"
  | "seccomp"
  | "sendmsg"
  | "sendto"
  | "set_mempolicy"
  | "setdomainname"
  | "setfsgid"
  | "setfsuid"
  | "setgroups"
  | "sethostname"
  | "setns"
  | "setpgid"
  | "setresgid"
  | "setresuid"
  | "setsid"
  | "setsockopt"
  | "setxattr"
  | "signalfd4"
  | "socket"
  | "socketpair"
  | "statfs"
  | "statmount"
  | "statx"
  | "symlinkat"
  | "timerfd_create"
  | "timerfd_settime"
  | "umask"
  | "umount2"
  | "unlinkat"
  | "unshare"
  | "utimensat"
  | "wait4"
  | "waitid"
  | "write"
  | "writev";

const column = Deno.build.arch === "aarch64" ? 2 : 1;
const known = new Map<SyscallName, number>();

/**
 * The number of a system call.
 *
 * @param name Name as in syscalls(2).
 * @param arch Architecture asked about; the running one when absent.
 */
export function syscallNumber(name: SyscallName, arch?: "x86_64" | "aarch64"): number {
  if (arch !== undefined) return row(name)[arch === "aarch64" ? 2 : 1];
  let number = known.get(name);
  if (number === undefined) known.set(name, number = row(name)[column]);
  return number;
}

/** The numbers of a row. They stand behind an element for the name. */
function row(name: SyscallName): number[] {
  const start = TABLE.indexOf(`\n${name} `) + 1;
  return TABLE.slice(start, TABLE.indexOf("\n", start)).split(" ").map(Number);
}

/** Every call in the table, for tests and for programs that print batches. */
export function syscallNames(): SyscallName[] {
  return TABLE.trim().split("\n").map((line) => line.split(" ")[0] as SyscallName);
}
