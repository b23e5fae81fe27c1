/**
 * What system calls of a process of a dry run answer. A call that is not here succeeds with 0.
 * @module
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  PROC_SUPER_MAGIC,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SEEK_CUR,
} from "../../../ffi/constants.ts";
import { DEVPTS_SUPER_MAGIC, STATX_ATTR_MOUNT_ROOT } from "../../../ffi/constants.ts";
import { EACCES, EBADF, EEXIST, EINVAL, ENOENT, ENOTDIR } from "../../../ffi/errno.ts";
import { TIOCGPTPEER } from "../../../ffi/structs_terminal.ts";
import type { Arg } from "../../../ffi/kernel.ts";
import { Buffer } from "../../../ffi/memory.ts";
import type { DryProcess, Opened, Position } from "./process.ts";
import type { Entry } from "./entry.ts";
import { isDirectory, type Place } from "./tree.ts";

/** The answer to a call: its result, or a negative errno. */
type Answer = (process: DryProcess, ...args: Arg[]) => number;

/** SIGKILL, SIGSTOP. */
const NO_HANDLER: readonly number[] = [9, 19];

/** The permissions of a new tmpfs without the option `mode`. */
const TMPFS_MODE = 0o1777;

/** Magic numbers of filesystems, as statfs(2) tells them; those of others are not asked for. */
const MAGIC: Readonly<Record<string, number>> = { proc: PROC_SUPER_MAGIC, devpts: DEVPTS_SUPER_MAGIC };

const number = (arg: Arg | undefined) => typeof arg === "number" ? arg : 0;
const text = (arg: Arg | undefined) => typeof arg === "string" ? arg : "";
const words = (arg: Arg) => Array.isArray(arg) ? arg.map(Number) : [];

let inodes: Map<Place, number> | undefined;

/** A number that a place keeps. */
function inodeOf(place: Place): number {
  inodes ??= new Map();
  const known = inodes.get(place) ?? inodes.size + 100;
  inodes.set(place, known);
  return known;
}

/** Writes `struct statx`. */
function writeStatx(process: DryProcess, into: Arg | undefined, position: Position, entry: Entry): number {
  if (!(into instanceof Buffer)) return 0;
  const { view, base } = into.memory, at = into.address - base;
  const mount = process.mountOf(position);
  const rdev = entry.rdev ?? 0;
  view.setUint32(at + 8, mount.isRoot ? STATX_ATTR_MOUNT_ROOT : 0, true);
  view.setUint32(at + 20, entry.uid ?? 0, true);
  view.setUint16(at + 28, entry.mode, true);
  view.setUint32(at + 32, inodeOf(position.place), true);
  view.setUint32(at + 40, new TextEncoder().encode(entry.text ?? "").length, true);
  view.setUint32(at + 128, (rdev >> 8) & 0xfff, true);
  view.setUint32(at + 132, (rdev & 0xff) | ((rdev >>> 12) & 0xfff00), true);
  view.setUint32(at + 144, mount.id, true);
  return 0;
}

/** Makes an entry of a directory. @returns 0, or a negative errno. */
function makeEntry(process: DryProcess, dir: Arg, path: Arg, entry: Entry): number {
  const found = process.find(number(dir), text(path), { follow: false, resolve: 0 });
  if (typeof found === "number") return found;
  if (found.entry !== undefined) return -EEXIST;
  process.tree.make(found.position.place, entry);
  return 0;
}

/** A detached mount of what lies at a place. */
function detached(place: Place): Opened {
  const mount = { id: nextMount++, place };
  return { position: { place, mount } };
}

let nextMount = 1000;

/** Moves the mount of one descriptor to the position of another. */
function moveMount(process: DryProcess, from: Arg, to: Arg): number {
  const tree = process.fds.get(number(from)), { position } = process.fds.get(number(to)) ?? {};
  if (tree?.position === undefined || position === undefined) return -EBADF;
  const mount = tree.position.mount ?? { id: nextMount++, place: tree.position.place };
  if (position.path !== undefined) {
    process.mounts.set(position.path, mount);
    tree.position = { path: position.path, place: mount.place, mount };
  } else process.tree.make(position.place, process.tree.look(mount.place) ?? { mode: S_IFDIR | 0o755 });
  return 0;
}

/** Makes the filesystem that a context describes. */
function makeFilesystem(process: DryProcess, fd: Arg): number {
  const context = process.fds.get(number(fd));
  const { type = "", options } = context ?? {};
  const mode = options?.get("mode"), usual = type === "tmpfs" ? TMPFS_MODE : 0o755;
  const place = process.tree.newFilesystem(type, mode === undefined ? usual : parseInt(mode, 8));
  return process.add(detached(place));
}

function readFile(process: DryProcess, fd: Arg, into: Arg | undefined, size: Arg | undefined): number {
  const opened = process.fds.get(number(fd));
  if (opened === undefined) return -EBADF;
  const content = opened.position && process.tree.text(opened.position.place);
  if (content === undefined || !(into instanceof Buffer)) return 0;
  const bytes = new TextEncoder().encode(content).slice(opened.read ?? 0, (opened.read ?? 0) + number(size));
  into.bytes.set(bytes);
  opened.read = (opened.read ?? 0) + bytes.length;
  return bytes.length;
}

/** The calls, by what they are about. */
const OF_FILES: Readonly<Record<string, Answer>> = {
  openat: (p, dir, path, flags, mode) => p.open(number(dir), text(path), number(flags), 0, number(mode)),
  openat2(p, dir, path, how) {
    const [flags, mode, resolve] = words(how);
    return p.open(number(dir), text(path), flags, resolve, mode);
  },
  close: (p, fd) => p.fds.delete(number(fd)) ? 0 : -EBADF,
  dup3(p, from, to) {
    const opened = p.fds.get(number(from));
    if (opened) p.fds.set(number(to), opened);
    return number(to);
  },
  fcntl(p, fd, command, least) {
    const copies = command === F_DUPFD || command === F_DUPFD_CLOEXEC;
    return copies ? p.add(p.fds.get(number(fd)) ?? {}, number(least)) : 0;
  },
  statx(p, dir, path, flags, _mask, into) {
    const bits = number(flags);
    if (path === "" && !(bits & AT_EMPTY_PATH)) return -ENOENT;
    const found = p.lookAt(number(dir), text(path), !(bits & AT_SYMLINK_NOFOLLOW));
    return typeof found === "number" ? found : writeStatx(p, into, found.position, found.entry);
  },
  fstatfs(p, fd, into) {
    const position = p.fds.get(number(fd))?.position;
    if (position === undefined) return -EBADF;
    const type = p.tree.typeOf(position.place);
    if (into instanceof Buffer) into.memory.setU64(into.address, MAGIC[type] ?? 0);
    return 0;
  },
  read: readFile,
  pread64: readFile,
  write: (p, fd, data, length) => {
    const position = p.fds.get(number(fd))?.position, entry = position && p.tree.look(position.place);
    const content = typeof data === "string"
      ? data
      : data instanceof Uint8Array
      ? new TextDecoder().decode(data)
      : "";
    if (position && entry && !entry.rdev) p.tree.make(position.place, { ...entry, text: content });
    return number(length);
  },
  mkdirat: (p, dir, path, mode) => makeEntry(p, dir, path, { mode: S_IFDIR | number(mode) }),
  mknodat: (p, dir, path, mode, rdev) => makeEntry(p, dir, path, { mode: number(mode), rdev: number(rdev) }),
  symlinkat: (p, target, dir, path) =>
    makeEntry(p, dir, path, { mode: S_IFLNK | 0o777, target: text(target) }),
  unlinkat(p, dir, path) {
    const found = p.lookAt(number(dir), text(path), false);
    if (typeof found === "number") return found;
    p.tree.remove(found.position.place);
    return 0;
  },
  readlinkat(p, dir, path, into) {
    const found = p.lookAt(number(dir), text(path), false);
    if (typeof found === "number") return found;
    const target = found.entry.target;
    if (target === undefined) return -EINVAL;
    const bytes = new TextEncoder().encode(target);
    if (into instanceof Buffer) into.bytes.set(bytes);
    return bytes.length;
  },
  faccessat2(p, dir, path, wanted) {
    const found = p.lookAt(number(dir), text(path), true);
    if (typeof found === "number") return found;
    return number(wanted) & 1 && !isDirectory(found.entry) && !(found.entry.mode & 0o111) ? -EACCES : 0;
  },
};

const OF_PLACES: Readonly<Record<string, Answer>> = {
  chdir(p, path) {
    const found = p.lookAt(AT_FDCWD, text(path), true);
    if (typeof found === "number") return found;
    if (!isDirectory(found.entry)) return -ENOTDIR;
    p.cwd = found.position;
    return 0;
  },
  fchdir(p, fd) {
    p.cwd = p.fds.get(number(fd))?.position ?? p.cwd;
    return 0;
  },
  chroot(p) {
    p.root = p.cwd;
    return 0;
  },
  pivot_root(p) {
    p.root = p.cwd;
    p.covers = 1;
    return 0;
  },
  umount2: (p, path) => path === "." && p.covers-- <= 0 ? -EINVAL : 0,
  getcwd(p, into) {
    const bytes = new TextEncoder().encode(p.wayTo(p.cwd));
    if (into instanceof Buffer) into.bytes.set(bytes);
    return bytes.length + 1;
  },
  fsopen: (p, type) => p.add({ type: text(type), options: new Map() }),
  fsconfig(p, fd, _command, key, value) {
    if (typeof key === "string") p.fds.get(number(fd))?.options?.set(key, text(value));
    return 0;
  },
  fsmount: (p, fd) => makeFilesystem(p, fd),
  open_tree(p, dir, path) {
    const found = p.lookAt(number(dir), text(path), true);
    return typeof found === "number" ? found : p.add(detached(found.position.place));
  },
  move_mount: (p, from, _path, to) => moveMount(p, from, to),
};

/** Opens something that has no place among the files: a socket, a terminal. It looks like a device. */
const opensAnything: Answer = (p) => {
  const place = p.tree.newFilesystem("", 0);
  p.tree.make(place, { mode: S_IFCHR | 0o620 });
  return p.add({ position: { place } });
};

/** Writes the two descriptors of a pipe, or of a pair of sockets. */
function makePair(p: DryProcess, into: Arg | undefined): number {
  if (!(into instanceof Buffer)) return 0;
  const { view, base } = into.memory, at = into.address - base;
  for (const offset of [0, 4]) view.setInt32(at + offset, opensAnything(p), true);
  return 0;
}

const OF_PROCESSES: Readonly<Record<string, Answer>> = {
  getpid: (p) => p.pid,
  lseek(p, fd, offset, whence) {
    const opened = p.fds.get(number(fd)) ?? p.fds.set(number(fd), {}).get(number(fd))!;
    return opened.offset = number(offset) + (whence === SEEK_CUR ? opened.offset ?? 0 : 0);
  },
  rt_sigaction: (_p, signal) => NO_HANDLER.includes(number(signal)) || number(signal) > 64 ? -EINVAL : 0,
  pidfd_open: opensAnything,
  pipe2: (p, into) => makePair(p, into),
  socketpair: (p, _domain, _type, _protocol, into) => makePair(p, into),
  socket: opensAnything,
  memfd_create: opensAnything,
  inotify_init1: opensAnything,
  pidfd_getfd: opensAnything,
  signalfd4: opensAnything,
  eventfd2: opensAnything,
  ioctl: (p, _fd, request) => request === TIOCGPTPEER ? opensAnything(p) : 0,
  seccomp: (p, _operation, flags) => number(flags) & SECCOMP_FILTER_FLAG_NEW_LISTENER ? p.add({}) : 0,
  keyctl: () => 1,
  ppoll: () => 1,
  waitid(_p, _which, _pid, info) {
    // It has exited, with the status 0.
    if (info instanceof Buffer) info.memory.view.setInt32(info.address - info.memory.base + 8, 1, true);
    return 0;
  },
};

/** What a call answers. */
export function answerOf(process: DryProcess, name: string, args: readonly Arg[]): number {
  const answer = OF_FILES[name] ?? OF_PLACES[name] ?? OF_PROCESSES[name];
  return answer?.(process, ...args) ?? 0;
}
