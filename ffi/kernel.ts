/**
 * The kernel as one interface with typed calls.
 *
 * Container logic is written once against it. {@linkcode ./local.ts} makes the calls in this process,
 * {@linkcode ./remote.ts} records them into batches for the executor, and {@linkcode ./dry.ts} only records.
 * A call returns a {@linkcode Result}. {@linkcode Result.wait} makes a remote kernel run what it has
 * recorded; passing a result on as an argument does not.
 * @module
 */

import { type Arg, type CallOptions, type Deadline, type Fd, OperationError, type Result } from "./call.ts";
import { Buffer, type Memory, type Word } from "./memory.ts";
import type { SyscallName } from "./syscalls.ts";
import { EAGAIN } from "./errno.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  O_CLOEXEC,
  O_WRONLY,
  OPEN_TREE_CLOEXEC,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  STATX_BASIC_STATS,
  STATX_MNT_ID,
} from "./constants.ts";

export * from "./call.ts";

/** How often a path is resolved again before the call fails. */
const TRIES = 1000;

/** Options that resolve a path again while the kernel cannot tell whether `..` stays inside (EAGAIN). */
function againWhileBusy(path: string, options: CallOptions | undefined): CallOptions {
  let left = TRIES;
  return {
    ...options,
    repair(errno) {
      if (errno === EAGAIN && left-- > 0) return "retry";
      if (options?.repair) return options.repair(errno);
      throw new OperationError(
        "openat2",
        errno,
        options?.doing ? "" : JSON.stringify(path),
        options?.doing ?? "",
      );
    },
  };
}

/** Attributes for {@linkcode Kernel.mountSetattr}, see mount_setattr(2). */
export interface MountAttr {
  /** `MOUNT_ATTR_*` to set. */
  set?: number;
  /** `MOUNT_ATTR_*` to clear. */
  clear?: number;
  /** One of `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE`, or 0. */
  propagation?: number;
  /** Descriptor of the user namespace that `MOUNT_ATTR_IDMAP` maps ids by. */
  userNamespace?: number;
}

/** A list with more entries is worked off in pieces. An entry may take a descriptor, and 1024 are usual. */
const LONG = 256;

/** The kernel. An implementation provides {@linkcode call}; everything else is made of it. */
export abstract class Kernel {
  /** The memory that arguments of calls lie in. */
  abstract readonly memory: Memory;
  /** The step that is being done, for error messages and traces. */
  doing = "";

  /**
   * Makes or records one system call.
   *
   * @throws {OperationError} If the call fails and its options do not allow that: at once, or when a result
   * is waited for.
   */
  abstract call(name: SyscallName, args: readonly Arg[], options?: CallOptions): Result;

  /**
   * Returns when every call made so far has run. A kernel that runs calls at once has nothing to do.
   *
   * @throws {TsrunError} `deadline.otherwise` when they take longer than `deadline.milliseconds`.
   */
  flush(_deadline?: Deadline): void {}

  /** Hands over what is recorded without waiting, so that the other process works on it meanwhile. */
  kick(): void {}

  /**
   * Hands over all that is recorded, and does not wait for it, but for what was handed over before. What is
   * recorded next is a batch of its own.
   */
  handOver(): void {}

  /** Runs `step`; a call that fails in it says that `what` was being done. */
  during<T>(what: string, step: () => T): T {
    const before = this.doing;
    this.doing = what;
    try {
      return step();
    } finally {
      this.doing = before;
    }
  }

  /**
   * Does a step for a list of any length. A long list is worked off in pieces, so that neither memory nor
   * descriptors run out. After the step only those results are valid that have been waited for; its buffers
   * are not.
   */
  inPieces<T>(list: readonly T[], step: (piece: readonly T[]) => void): void {
    if (list.length <= LONG) return step(list);
    for (let i = 0; i < list.length; i += LONG) this.reusing(() => step(list.slice(i, i + LONG)));
  }

  /** Runs a step to its end. The memory that the step used is free for later steps. */
  reusing<T>(step: () => T): T {
    return step();
  }

  /** Memory for a call to write its answer to. */
  buffer(size: number): Buffer {
    return this.memory.alloc(size);
  }

  /** Memory for a large answer. Its content is undefined until then: it is not touched before. */
  room(size: number): Buffer {
    return new Buffer(this.memory, this.memory.reserve(size), size);
  }

  // Files: open(2), openat2(2), close_range(2), statx(2), mknod(2), ...

  /**
   * openat2(2); `resolve` is a set of `RESOLVE_*`. `O_CLOEXEC` is always added. The kernel answers EAGAIN for
   * a path with `..` that must stay in a directory, while mounts or names change anywhere on the machine; the
   * call is then made again.
   */
  openat2(dir: Fd, path: string, flags: number, resolve = 0, mode = 0, options?: CallOptions): Result {
    const scoped = (resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH)) !== 0 && options?.allow !== "any";
    return this.call(
      "openat2",
      [dir, path, [flags | O_CLOEXEC, mode, resolve], 24],
      scoped ? againWhileBusy(path, options) : options,
    );
  }

  /** openat(2) with `O_CLOEXEC`. */
  openat(dir: Fd, path: string, flags: number, mode = 0, options?: CallOptions): Result {
    return this.call("openat", [dir, path, flags | O_CLOEXEC, mode], options);
  }

  /** open(2) of a path that starts at the root or the working directory. */
  open(path: string, flags: number, mode = 0, options?: CallOptions): Result {
    return this.openat(AT_FDCWD, path, flags, mode, options);
  }

  /** close(2). */
  close(fd: Fd): Result {
    return this.call("close", [fd]);
  }

  /** close_range(2), from `first` to `last` inclusive. */
  closeRange(first: number, last: number, flags = 0): Result {
    return this.call("close_range", [first, last, flags]);
  }

  /** write(2) of a whole text in one call, as files below /proc and /sys want it. */
  write(fd: Fd, text: string, options?: CallOptions): Result {
    const bytes = new TextEncoder().encode(text);
    return this.call("write", [fd, bytes, bytes.length], options);
  }

  /** Opens a file, writes a text to it in one write(2), closes it. A failure names the file and the text. */
  writeFile(dir: Fd, path: string, text: string, flags = O_WRONLY, mode = 0, options?: CallOptions): void {
    const fd = this.openat(dir, path, flags, mode, options);
    this.write(fd, text, {
      ...options,
      doing: options?.doing ?? `write ${JSON.stringify(text)} to ${JSON.stringify(path)}`,
    });
    this.close(fd);
  }

  /** dup3(2) with `O_CLOEXEC` unless told otherwise. */
  dup3(from: Fd, to: number, flags: number = O_CLOEXEC): Result {
    return this.call("dup3", [from, to, flags]);
  }

  /** mkdirat(2). */
  mkdirat(dir: Fd, path: string, mode: number, options?: CallOptions): Result {
    return this.call("mkdirat", [dir, path, mode], options);
  }

  /** mknodat(2); `device` as made by {@linkcode ./structs.ts makedev}. */
  mknodat(dir: Fd, path: string, mode: number, device: number, options?: CallOptions): Result {
    return this.call("mknodat", [dir, path, mode, device], options);
  }

  /** symlinkat(2). */
  symlinkat(target: string, dir: Fd, path: string, options?: CallOptions): Result {
    return this.call("symlinkat", [target, dir, path], options);
  }

  /** unlinkat(2). */
  unlinkat(dir: Fd, path: string, flags = 0, options?: CallOptions): Result {
    return this.call("unlinkat", [dir, path, flags], options);
  }

  /** fchmod(2), by way of fchmodat on an `O_PATH` descriptor's /proc entry where the descriptor is one. */
  fchmod(fd: Fd, mode: number, options?: CallOptions): Result {
    return this.call("fchmod", [fd, mode], options);
  }

  /** fchmodat(2), which follows links. */
  fchmodat(dir: Fd, path: string, mode: number, options?: CallOptions): Result {
    return this.call("fchmodat", [dir, path, mode], options);
  }

  /** fchownat(2) on the descriptor itself, `O_PATH` or not. */
  fchown(fd: Fd, uid: number, gid: number, options?: CallOptions): Result {
    return this.call("fchownat", [fd, "", uid, gid, AT_EMPTY_PATH], options);
  }

  /** statx(2) of the descriptor itself (`path` empty) or of a path below it, links not followed. */
  statx(
    dir: Fd,
    path: string,
    into: Buffer,
    options?: CallOptions,
    flags: number = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
    mask: number = STATX_BASIC_STATS | STATX_MNT_ID,
  ): Result {
    return this.call("statx", [dir, path, flags, mask, into], options);
  }

  /** fstatfs(2). */
  fstatfs(fd: Fd, into: Buffer, options?: CallOptions): Result {
    return this.call("fstatfs", [fd, into], options);
  }

  // Mounts: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2), mount_setattr(2), pivot_root(2)

  /** fsopen(2): a context to configure a new filesystem in. */
  fsopen(type: string, options?: CallOptions): Result {
    return this.call("fsopen", [type, FSOPEN_CLOEXEC], options);
  }

  /** fsconfig(2): one option, `value` null for a flag. */
  fsconfig(fs: Fd, key: string, value: string | null, options?: CallOptions): Result {
    const command = value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    return this.call("fsconfig", [fs, command, key, value, 0], options);
  }

  /** fsconfig(2): makes the superblock. */
  fsconfigCreate(fs: Fd, options?: CallOptions): Result {
    return this.call("fsconfig", [fs, FSCONFIG_CMD_CREATE, null, null, 0], options);
  }

  /** fsmount(2): a detached mount with `MOUNT_ATTR_*`. */
  fsmount(fs: Fd, attributes: number, options?: CallOptions): Result {
    return this.call("fsmount", [fs, FSMOUNT_CLOEXEC, attributes], options);
  }

  /** open_tree(2); with `OPEN_TREE_CLONE` a detached copy. */
  openTree(dir: Fd, path: string, flags: number, options?: CallOptions): Result {
    return this.call("open_tree", [dir, path, flags | OPEN_TREE_CLOEXEC], options);
  }

  /** move_mount(2): attaches the mount behind one descriptor at the place behind another. */
  moveMount(mount: Fd, place: Fd, options?: CallOptions): Result {
    const flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
    return this.call("move_mount", [mount, "", place, "", flags], options);
  }

  /** mount_setattr(2). */
  mountSetattr(dir: Fd, path: string, flags: number, attr: MountAttr, options?: CallOptions): Result {
    const words = [attr.set ?? 0, attr.clear ?? 0, attr.propagation ?? 0, attr.userNamespace ?? 0];
    return this.call(
      "mount_setattr",
      [dir, path, flags | (path === "" ? AT_EMPTY_PATH : 0), words, 32],
      options,
    );
  }

  /** umount2(2). */
  umount(path: string, flags: number, options?: CallOptions): Result {
    return this.call("umount2", [path, flags], options);
  }

  /** pivot_root(2). */
  pivotRoot(newRoot: string, putOld: string): Result {
    return this.call("pivot_root", [newRoot, putOld]);
  }

  // Processes: clone(2), setns(2), credentials(7), capabilities(7), execve(2), prctl(2)

  /** setns(2). */
  setns(fd: Fd, type: number, options?: CallOptions): Result {
    return this.call("setns", [fd, type], options);
  }

  /** unshare(2). */
  unshare(flags: number, options?: CallOptions): Result {
    return this.call("unshare", [flags], options);
  }

  /** prctl(2). */
  prctl(option: number, a: Arg = 0, b: Arg = 0, d: Arg = 0, e: Arg = 0, options?: CallOptions): Result {
    return this.call("prctl", [option, a, b, d, e], options);
  }

  /** chdir(2). */
  chdir(path: string, options?: CallOptions): Result {
    return this.call("chdir", [path], options);
  }

  /** fchdir(2). */
  fchdir(fd: Fd): Result {
    return this.call("fchdir", [fd]);
  }

  /** execve(2). Returns only when it fails. */
  execve(path: string, args: readonly string[], env: readonly string[], options?: CallOptions): Result {
    return this.call("execve", [path, args, env], options);
  }

  /**
   * getpid(2). It has no effect, so its answer only shows that a process that is driven from here has begun.
   */
  getpid(): Result {
    return this.call("getpid", []);
  }

  /** kill(2). */
  kill(pid: number, signal: number, options?: CallOptions): Result {
    return this.call("kill", [pid, signal], options);
  }

  /** prlimit(2): writes the soft and the hard limit of a process to 16 bytes. Process 0 is the caller. */
  getrlimit(pid: number, resource: number, into: Buffer, options?: CallOptions): Result {
    return this.call("prlimit64", [pid, resource, null, into], options);
  }

  /** prlimit(2): sets one limit of a process. Process 0 is the caller, and 2^64-1 means no limit. */
  prlimit(pid: number, resource: number, soft: Word, hard: Word, options?: CallOptions): Result {
    return this.call("prlimit64", [pid, resource, [soft, hard], 0], options);
  }
}
