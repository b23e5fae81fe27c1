/**
 * What the arguments of each system call are: the kind of each, in order. Arguments behind those that are
 * named are left out.
 *
 * Sources: section 2 of the manual pages.
 * @module
 */

import type { SyscallName } from "../syscalls.ts";

/** Kinds of arguments. `decode.ts` has the function for each. */
const KINDS = [
  ...["fd", "text", "number", "octal", "hex", "memory", "data", "length", "list", "env", "words", "how"],
  ...["open", "at", "unlink", "mount", "umount", "attributes", "fsopen", "fsmount", "openTree", "moveMount"],
  ...["attr", "fsconfig", "clone", "cloneArgs", "closeRange", "memfd", "statx", "prctl", "fcntl", "keyctl"],
  ...["seccomp", "seccompFlags", "filter", "domain", "socketType", "message", "protection", "map", "wait"],
  ...["which", "signal", "limit", "limits", "ioctl", "lock", "watch", "event", "how2", "clock", "bpf"],
  ...["priority", "capHeader", "capSets", "mode", "device", "pid", "groups", "address", "sent"],
] as const;

/** Kind of an argument. */
export type Kind = typeof KINDS[number];

/** One line a call: its name, and the kinds. */
const TABLE = `
accept4 fd memory memory socketType
bind fd data length
bpf bpf memory length
capget capHeader memory
capset capHeader capSets
chdir text
chroot text
clock_gettime clock memory
clone clone hex hex hex hex
clone3 cloneArgs length
close fd
close_range number number closeRange
connect fd address length
dup3 fd fd open
epoll_create1 number
epoll_ctl fd number fd memory
epoll_pwait fd memory number number memory length
eventfd2 number event
execve text list env
execveat fd text list env at
exit number
exit_group number
faccessat2 fd text number at
fchdir fd
fchmod fd octal
fchmodat fd text octal
fchown fd number number
fchownat fd text number number at
fcntl fd fcntl
fgetxattr fd text memory length
flock fd lock
fsconfig fd fsconfig text text number
fsetxattr fd text data length number
fsmount fd fsmount attributes
fsopen text fsopen
fstatfs fd memory
fsync fd
ftruncate fd number
getcwd memory length
getdents64 fd memory length
getegid
geteuid
getpid
getppid
getrandom memory length number
gettid
getuid
inotify_add_watch fd text watch
inotify_init1 watch
ioctl fd ioctl memory
ioprio_set priority number hex
keyctl keyctl
kill pid signal
linkat fd text fd text at
listen fd number
lseek fd number number
memfd_create text memfd
mkdirat fd text octal
mknodat fd text mode device
mmap hex number protection map fd number
mount text text text mount text
mount_setattr fd text at attr length
move_mount fd text fd text moveMount
mprotect hex number protection
munmap hex number
newfstatat fd text memory at
open_tree fd text openTree
openat fd text open octal
openat2 fd text how length
personality hex
pidfd_getfd fd number number
pidfd_open pid number
pidfd_send_signal fd signal memory number
pipe2 memory open
pivot_root text text
ppoll memory number words memory length
prctl prctl
pread64 fd memory length number
prlimit64 pid limit limits memory
pwrite64 fd data length number
read fd memory length
readlinkat fd text memory length
recvfrom fd memory length message memory memory
recvmsg fd memory message
renameat2 fd text fd text number
rt_sigaction signal memory memory length
rt_sigprocmask how2 memory memory length
sched_setaffinity pid length data
sched_setattr pid data number
seccomp seccomp seccompFlags filter
sendmsg fd memory message
sendto fd sent length message memory length
set_mempolicy number data number
setdomainname text length
setfsgid number
setfsuid number
setgroups length groups
sethostname text length
setns fd clone
setpgid pid number
setresgid number number number
setresuid number number number
setsid
setsockopt fd number number words length
setxattr text text data length number
signalfd4 fd memory length number
socket domain socketType number
socketpair domain socketType number memory
statfs text memory
statmount memory memory length number
statx fd text at statx memory
symlinkat text fd text
timerfd_create clock number
timerfd_settime fd number memory memory
umask octal
umount2 text umount
unlinkat fd text unlink
unshare clone
utimensat fd text memory at
wait4 pid memory wait memory
waitid which pid memory wait memory
write fd data length
writev fd memory number
`;

let table: Map<string, readonly Kind[]> | undefined;

/** Kinds of the arguments of a call. */
export function kindsOf(call: SyscallName): readonly Kind[] {
  table ??= new Map(
    TABLE.trim().split("\n").map((line) => {
      const [name, ...kinds] = line.split(" ");
      return [name, kinds as Kind[]];
    }),
  );
  return table.get(call) ?? [];
}

/** Whether a word of the table is a kind, for its test. */
export function isKind(word: string): word is Kind {
  return (KINDS as readonly string[]).includes(word);
}
