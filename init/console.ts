/**
 * The container's terminal: a pty of the container's own devpts. It is shown as /dev/console, and controls
 * the process's session.
 *
 * An image or another container may have put anything at /dev/pts. The directory is therefore resolved within
 * the rootfs and checked to be a devpts, and ptmx is opened right below it. The slave is opened from the
 * master, not by a path (CVE-2025-52565), and is mounted by descriptor.
 *
 *     create:  openPty ─ master to tsrun ─ bindConsole ─ takeTerminal          all in the init
 *     exec:    openPty ─ master to tsrun ─ drop privileges ─ clone ─ takeTerminal in the new process
 *
 * Sources: runtime-spec config.md (terminal, consoleSize), config-linux.md (Default Devices), pts(4),
 * ioctl_tty(2).
 * @module
 */

import {
  AT_EMPTY_PATH,
  DEVPTS_SUPER_MAGIC,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  O_RDWR,
  OPEN_TREE_CLONE,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFCHR,
  S_IFMT,
  S_IFREG,
} from "../ffi/constants.ts";
import { EEXIST, EINVAL, EPERM, EROFS } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Label, Recorder } from "../ffi/recorder.ts";
import { decodeStatfsType, decodeStatx, STATFS_SIZE, STATX_SIZE } from "../ffi/structs.ts";
import { TIOCGPTPEER, TIOCSCTTY, TIOCSPTLCK, TIOCSWINSZ, windowSize } from "../ffi/structs_terminal.ts";
import type { SyscallName } from "../ffi/syscalls.ts";
import type { Box } from "../spec/process.ts";
import { openInRoot } from "./in_root.ts";

const PTMX = { major: 5, minor: 2 };
/** Resolves one component below a directory, which must be neither a link nor covered by a mount. */
const RIGHT_BELOW = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
/** chown(2): leaves the group as it is. A devpts sets it by its own options (`gid=5`). */
const KEEP = 0xffff_ffff;

/** Both ends of a pty, as descriptors of the kernel's process that close on exec. */
export interface Pty {
  master: number;
  slave: Result;
}

/**
 * Opens a pty in the container's devpts. The kernel's process needs the right to change the slave's owner.
 *
 * @param root Descriptor of the container's root.
 * @param uid The user that the slave will belong to.
 * @param size `process.consoleSize`; applied when both of its fields are above zero.
 * @throws {OperationError} When there is no devpts at /dev/pts, or a failing call.
 */
export function openPty(k: Kernel, root: Fd, uid: number, size?: Box): Pty {
  return k.during("open a terminal in the container's /dev/pts", () => {
    const master = openMaster(k, root);
    k.call("ioctl", [master, TIOCSPTLCK, new Uint8Array(4)]);
    const slave = k.call("ioctl", [master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC]);
    if (size && size.height > 0 && size.width > 0) {
      k.call("ioctl", [slave, TIOCSWINSZ, windowSize(size.height, size.width)]);
    }
    // The slave keeps its owner where the right is missing or the devpts is read-only. runc does the same.
    k.fchown(slave, uid, KEEP, { allow: [EPERM, EINVAL, EROFS] });
    return { master, slave };
  });
}

function openMaster(k: Kernel, root: Fd): number {
  const pts = openInRoot(k, root, "/dev/pts", { flags: O_PATH | O_DIRECTORY });
  const filesystem = k.buffer(STATFS_SIZE);
  k.fstatfs(pts, filesystem).wait();
  const doing = "open a terminal in the container's /dev/pts: it is not a devpts";
  if (decodeStatfsType(filesystem) !== DEVPTS_SUPER_MAGIC) throw new OperationError("", EINVAL, "", doing);
  const master = k.openat2(pts, "ptmx", O_RDWR | O_NOCTTY, RIGHT_BELOW | RESOLVE_NO_XDEV);
  k.close(pts);
  const buffer = k.buffer(STATX_SIZE);
  k.statx(master, "", buffer).wait();
  const { mode, rdev } = decodeStatx(buffer);
  const isPtmx = (mode & S_IFMT) === S_IFCHR && rdev.major === PTMX.major && rdev.minor === PTMX.minor;
  if (!isPtmx) throw new OperationError("", EINVAL, "", `${doing}'s ptmx`);
  return master.wait();
}

/**
 * Mounts the slave on /dev/console, which is made where it is missing. The umask must be 0.
 *
 * @param root Descriptor of the container's root, whose mount namespace must be the kernel's process's own.
 */
export function bindConsole(k: Kernel, root: Fd, slave: Fd): void {
  k.during("mount the terminal on /dev/console", () => {
    const dev = openInRoot(k, root, "/dev", { flags: O_PATH | O_DIRECTORY });
    k.mknodat(dev, "console", S_IFREG | 0o666, 0, { allow: [EEXIST] });
    const place = k.openat2(dev, "console", O_PATH, RIGHT_BELOW);
    k.close(dev);
    const mount = k.openTree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
    k.moveMount(mount, place);
    k.close(mount);
    k.close(place);
  });
}

/** System calls of {@linkcode takeTerminal}. A filter that is loaded before it has to allow them. */
export const TAKE_TERMINAL_CALLS = ["ioctl", "dup3", "close"] as const satisfies readonly SyscallName[];

/**
 * Makes the slave the controlling terminal of the session and the standard descriptors, and closes its own
 * descriptor. It needs no privileges. The kernel's process must lead a session without a terminal
 * (setsid(2)).
 *
 * @param guard Makes the calls and is told where a failure leads to; for processes that nothing drives any
 * more.
 */
export function takeTerminal(
  k: Recorder,
  slave: Fd,
  guard: (doing: string, step: (onError?: Label) => Result) => void = (_, step) => void step(),
): void {
  const doing = "make the terminal the process's own";
  guard(doing, (onError) => k.call("ioctl", [slave, TIOCSCTTY, 0], { doing, onError }));
  for (const fd of [0, 1, 2]) {
    guard(doing, (onError) => k.call("dup3", [slave, fd, 0], { doing, onError }));
  }
  k.call("close", [slave], { allow: "any" });
}
