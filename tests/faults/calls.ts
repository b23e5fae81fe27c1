/**
 * System calls of a traced process: their names, which of them are the program's own, and how they are shown.
 * @module
 */
import { syscallNames, syscallNumber } from "../../ffi/syscalls.ts";
import { type Entry, memoryAt, textAt } from "./ptrace.ts";

/** Calls of Deno and of glibc that tsrun itself does not make by number, on x86-64. */
const OTHERS: Readonly<Record<string, number>> = {
  ...{
    open: 2,
    stat: 4,
    fstat: 5,
    lstat: 6,
    poll: 7,
    brk: 12,
    rt_sigreturn: 15,
    access: 21,
    sched_yield: 24,
  },
  ...{
    mremap: 25,
    madvise: 28,
    dup: 32,
    dup2: 33,
    nanosleep: 35,
    vfork: 58,
    uname: 63,
    rename: 82,
    mkdir: 83,
  },
  ...{ rmdir: 84, unlink: 87, readlink: 89, chmod: 90, gettimeofday: 96, sysinfo: 99, sigaltstack: 131 },
  ...{ futex: 202, sched_getaffinity: 204, set_tid_address: 218, fadvise64: 221, clock_gettime: 228 },
  ...{ clock_nanosleep: 230, epoll_wait: 232, tgkill: 234, set_robust_list: 273, rseq: 334, arch_prctl: 158 },
};

const NAMES = new Map<number, string>([
  ...syscallNames().map((name): [number, string] => [syscallNumber(name, "x86_64"), name]),
  ...Object.entries(OTHERS).map(([name, number]): [number, string] => [number, name]),
]);

export function nameOf(number: number): string {
  return NAMES.get(number) ?? `call ${number}`;
}

/**
 * Memory, threads and clocks of the engine, and calls that cannot fail: a fault there says nothing of tsrun.
 */
const ENGINE: ReadonlySet<string> = new Set([
  ...["munmap", "mremap", "madvise", "brk", "futex", "sched_yield", "sigaltstack", "rt_sigreturn", "rseq"],
  ...["set_robust_list", "set_tid_address", "gettid", "getpid", "getppid", "getuid", "geteuid", "getegid"],
  ...["getgid", "exit", "exit_group", "clock_gettime", "gettimeofday", "sched_getaffinity"],
]);
const CLONE_THREAD = 0x10000, MAP_FIXED_NOREPLACE = 0x100000, SQLITE_LOCKS: readonly number[] = [5, 6];
const BELOW_4_GIB = 2 ** 32, AT_FDCWD = BELOW_4_GIB - 100;

/** Does the program make this call, and not the engine that it runs on? */
export function isOwn(pid: number, { number, args }: Entry): boolean {
  const name = nameOf(number);
  if (ENGINE.has(name)) return false;
  // Deno drops the errors of a directory that is being listed, as if it ended there.
  if (name === "getdents64") return false;
  // tsrun maps at addresses that it chooses; V8 and the allocator do not.
  if (name === "mmap") return (args[3] & MAP_FIXED_NOREPLACE) !== 0 || args[0] === 0x10000000;
  if (name === "mprotect") return args[0] < BELOW_4_GIB;
  // A directory that is closed is one that has been listed: Rust's closedir(3) panics at an answer that
  // Linux never gives.
  if (name === "close") return !isDirectory(`/proc/${pid}/fd/${args[0]}`);
  // The handler of signals writes a byte to a pipe that has room, which cannot fail.
  if (name === "write") return args[2] !== 1;
  // libc blocks signals while it makes a thread, and does not look whether it can let them in again.
  if (name === "rt_sigprocmask") return args[1] < BELOW_4_GIB;
  if (name === "fcntl") return !SQLITE_LOCKS.includes(args[1]);
  if (name === "clone3") {
    const flags = memoryAt(pid, args[0], 8);
    return flags.length === 0 || (flags[2] & (CLONE_THREAD >> 16)) === 0;
  }
  return true;
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Which arguments are texts. */
const TEXTS: Readonly<Record<string, readonly number[]>> = {
  ...{
    open: [0],
    openat: [1],
    openat2: [1],
    stat: [0],
    lstat: [0],
    statx: [1],
    newfstatat: [1],
    access: [0],
  },
  ...{ mkdir: [0], mkdirat: [1], rmdir: [0], unlink: [0], unlinkat: [1], rename: [0, 1], renameat2: [1, 3] },
  ...{ readlink: [0], readlinkat: [1], chmod: [0], fchmodat: [1], mknodat: [1], symlinkat: [0, 2] },
  ...{
    mount: [0, 1, 2],
    umount2: [0],
    pivot_root: [0, 1],
    chdir: [0],
    chroot: [0],
    execve: [0],
    execveat: [1],
  },
  ...{ fsopen: [0], fsconfig: [2, 3], open_tree: [1], move_mount: [1, 3], mount_setattr: [1], statfs: [0] },
  ...{ memfd_create: [0], sethostname: [0], setdomainname: [0], write: [1], pwrite64: [1], setxattr: [0, 1] },
};

/** A call in one line: its name, texts in quotation marks, numbers. */
export function describe(pid: number, { number, args }: Entry): string {
  const name = nameOf(number);
  const texts = TEXTS[name] ?? [];
  const words = args.slice(0, Math.max(3, ...texts.map((at) => at + 1))).map((arg, at) => {
    if (arg === 0) return "0";
    if (arg === AT_FDCWD) return "AT_FDCWD";
    if (texts.includes(at)) return JSON.stringify(textAt(pid, arg).slice(0, 80));
    return arg > BELOW_4_GIB ? (arg > 2 ** 63 ? String(arg - 2 ** 64) : "…") : String(arg);
  });
  return `${name}(${words.join(", ")})`;
}

/** The text that a call names first, as {@linkcode describe} shows it; "" where it names none. */
export function pathOf(pid: number, { number, args }: Entry): string {
  const [at] = TEXTS[nameOf(number)] ?? [];
  return at === undefined || args[at] === 0 ? "" : textAt(pid, args[at]);
}
