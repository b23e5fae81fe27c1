/**
 * Tries in a child what containers need of the kernel. Each function is for an executor that does nothing
 * else and ends soon, so that nothing of a trial stays: namespaces, mounts and filters end with the process.
 *
 * Sources: unshare(2), clone3(2), pidfd_open(2), open_tree(2), mount_setattr(2), fsopen(2), seccomp(2),
 * kernel document filesystems/overlayfs.rst.
 * @module
 */

import {
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_PIDFD,
  MFD_EXEC,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  PR_SET_NO_NEW_PRIVS,
  SECCOMP_SET_MODE_FILTER,
  SIGCHLD,
} from "../ffi/constants.ts";
import { EINVAL } from "../ffi/errno.ts";
import type { CallOptions, Kernel, Result } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";
import { MOUNT_ATTR_IDMAP, MOUNT_ATTR_RDONLY, MS_PRIVATE } from "../spec/mount_options.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import { endProcess } from "./failure_report.ts";
import { hookFailure } from "./hook_failure.ts";
import { recordHook } from "./hook_program.ts";
import { staticProgram } from "./image.ts";

/** 0, or the positive errno that a call was refused with. */
export type Errno = number;

const ANY: CallOptions = { allow: "any" };

function errnoOf(result: Result): Errno {
  const answer = result.wait();
  return answer < 0 ? -answer : 0;
}

/** Makes namespaces: `CLONE_NEW*`. */
export function tryUnshare(k: Kernel, flags: number): Errno {
  return errnoOf(k.unshare(flags, ANY));
}

/** Becomes another user, without groups, and makes a user namespace. */
export function tryUnshareAs(k: Kernel, uid: number): Errno {
  k.call("setgroups", [0, null], ANY);
  k.call("setresgid", [uid, uid, uid]);
  k.call("setresuid", [uid, uid, uid]);
  return tryUnshare(k, NAMESPACES.user.flag);
}

/** Clones a process with a descriptor, which ends at once: clone3(2). */
export function tryClone(k: Recorder): Errno {
  const pidfd = k.buffer(8), parent = new Label();
  const args = [CLONE_PIDFD, pidfd.address, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 0];
  const cloned = k.call("clone3", [args, 88], { onPositive: parent, onError: parent });
  endProcess(k, 0);
  k.place(parent);
  k.call("wait4", [cloned, null, 0, null], ANY);
  return errnoOf(cloned);
}

/** Opens a descriptor of the process, sends it no signal, and copies a descriptor by it: pidfd_open(2). */
export function tryPidfd(k: Kernel): Errno {
  const pidfd = k.call("pidfd_open", [k.getpid(), 0], ANY).wait();
  if (pidfd < 0) return -pidfd;
  return errnoOf(k.call("pidfd_send_signal", [pidfd, 0, null, 0], ANY)) ||
    errnoOf(k.call("pidfd_getfd", [pidfd, pidfd, 0], ANY));
}

/** Resolves a path in a root, asks for its mode, and closes a range of descriptors that are not open. */
export function tryFileCalls(k: Kernel): Record<"openat2" | "faccessat2" | "close_range", Errno> {
  return {
    openat2: errnoOf(k.openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, 0, ANY)),
    faccessat2: errnoOf(k.call("faccessat2", [AT_FDCWD, "/", 0, 0], ANY)),
    close_range: errnoOf(k.call("close_range", [1_000_000, 1_000_000, 0], ANY)),
  };
}

/** A program that ends with status 0: exit(2) in the code of each machine. */
const EXIT: Readonly<Record<"x86_64" | "aarch64", readonly number[]>> = {
  x86_64: [0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05],
  aarch64: [0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4],
};

/** Executes a program from memory: memfd_create(2), and the sysctl vm.memfd_noexec. */
export function tryMemfd(k: Recorder): string | undefined {
  const create = (flags: number) => k.call("memfd_create", ["tsrun:trial", flags], ANY).wait();
  let memfd = create(MFD_EXEC);
  if (memfd === -EINVAL) memfd = create(0);
  if (memfd < 0) return "no memory file that can be executed may be made";
  const image = staticProgram(Uint8Array.from(EXIT[Deno.build.arch]));
  k.call("write", [memfd, image, image.length]);
  // The child executes a description of its own: one that is open for writing cannot be executed.
  const readable = k.open(`/proc/self/fd/${memfd}`, 0).wait();
  k.close(memfd);
  const hook = { path: `/proc/self/fd/${readable}`, args: ["trial"], env: [], timeout: 10 };
  const recorded = recordHook(k, hook, { state: "", env: [] });
  k.flush();
  return hookFailure(recorded);
}

/** The mount calls, in a new mount namespace. */
export type MountCalls = Record<"open_tree" | "mount_setattr" | "fsopen" | "fsmount" | "move_mount", Errno>;

/**
 * Makes a mount namespace, and in it a copy of a mount, attributes, a new filesystem, and an attached one.
 *
 * @returns The errnos, or that of the mount namespace.
 */
export function tryMounts(k: Kernel): MountCalls | Errno {
  const unshared = tryUnshare(k, NAMESPACES.mount.flag);
  if (unshared !== 0) return unshared;
  // What is mounted here is seen by nothing else.
  const alone = errnoOf(setPrivate(k));
  // A user namespace may not uncover what is mounted below: the copy has all of it.
  const copy = k.openTree(AT_FDCWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE, ANY);
  const { context, mount, errno } = newTmpfs(k);
  const place = k.open("/tmp", O_PATH | O_DIRECTORY, 0, ANY).wait();
  const target = place < 0 ? k.open("/", O_PATH | O_DIRECTORY).wait() : place;
  return {
    open_tree: errnoOf(copy),
    mount_setattr: alone || errnoOf(k.mountSetattr(copy, "", 0, { set: MOUNT_ATTR_RDONLY }, ANY)),
    fsopen: context < 0 ? -context : errno,
    fsmount: mount < 0 ? -mount : 0,
    move_mount: mount < 0 ? -mount : errnoOf(k.moveMount(mount, target, ANY)),
  };
}

function setPrivate(k: Kernel): Result {
  return k.mountSetattr(AT_FDCWD, "/", AT_RECURSIVE, { propagation: MS_PRIVATE }, ANY);
}

/** A detached tmpfs; its parts are negative errnos where they are refused. */
function newTmpfs(k: Kernel): { context: number; mount: number; errno: Errno } {
  const context = k.fsopen("tmpfs", ANY).wait();
  if (context < 0) return { context, mount: context, errno: -context };
  const errno = errnoOf(k.fsconfigCreate(context, ANY));
  const mount = errno === 0 ? k.fsmount(context, 0, ANY).wait() : -errno;
  return { context, mount, errno };
}

/**
 * Makes an overlay on a tmpfs, as rootless clients do. The process is root of a new user namespace.
 *
 * @returns 0, or the errno of the first step that was refused.
 */
export function tryOverlay(k: Kernel): Errno {
  const unshared = tryUnshare(k, NAMESPACES.mount.flag);
  if (unshared !== 0) return unshared;
  setPrivate(k).wait();
  const { mount } = newTmpfs(k);
  if (mount < 0) return -mount;
  const place = k.open("/tmp", O_PATH | O_DIRECTORY, 0, ANY).wait();
  if (place < 0) return -place;
  const moved = errnoOf(k.moveMount(mount, place, ANY));
  if (moved !== 0) return moved;
  for (const name of ["lower", "upper", "work"]) k.mkdirat(mount, name, 0o700, ANY);
  const context = k.fsopen("overlay", ANY).wait();
  if (context < 0) return -context;
  for (const [key, name] of [["lowerdir", "lower"], ["upperdir", "upper"], ["workdir", "work"]]) {
    const set = errnoOf(k.fsconfig(context, key, `/tmp/${name}`, ANY));
    if (set !== 0) return set;
  }
  return errnoOf(k.fsconfigCreate(context, ANY));
}

/**
 * Maps the ids of a copy of the mount that a path is on, which is attached nowhere.
 *
 * @param users Descriptor, in the process, of the user namespace with the mapping.
 */
export function tryIdmap(k: Kernel, path: string, users: number): Errno {
  // A user namespace may not uncover what is mounted below: the copy has all of it.
  const copy = k.openTree(AT_FDCWD, path, OPEN_TREE_CLONE, ANY).wait();
  if (copy < 0) return -copy;
  return errnoOf(k.mountSetattr(copy, "", 0, { set: MOUNT_ATTR_IDMAP, userNamespace: users }, ANY));
}

/** Loads a filter into the process. @param program struct sock_filter[]. */
export function tryFilter(k: Kernel, program: Uint8Array): Errno {
  k.prctl(PR_SET_NO_NEW_PRIVS, 1);
  const code = [program.length / 8, k.memory.put(program)];
  return errnoOf(k.call("seccomp", [SECCOMP_SET_MODE_FILTER, 0, code], ANY));
}
