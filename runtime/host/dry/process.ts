/**
 * A process of a dry run: its root, its working directory, its descriptors, and the mounts that it sees.
 * @module
 */

import {
  AT_FDCWD,
  O_ACCMODE,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  S_IFREG,
} from "../../../ffi/constants.ts";
import { EACCES, EBADF, EEXIST, ELOOP, ENOENT, ENOTDIR } from "../../../ffi/errno.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";
import type { Entry } from "./entry.ts";
import { childOf, type DryTree, isDirectory, isLink, nameOf, parentOf, type Place } from "./tree.ts";

/** A mount: its root, and its number. */
export interface DryMount {
  id: number;
  place: Place;
}

/** A mount namespace: mounts by where they are in it. */
export type MountTable = Map<string, DryMount>;

/** A position: a path of the mount namespace, absent in a detached mount, and what lies there. */
export interface Position {
  path?: string;
  place: Place;
  /** The detached mount that it is in. */
  mount?: DryMount;
}

/** An open descriptor. */
export interface Opened {
  position?: Position;
  /** Bytes of a file that have been read. */
  read?: number;
  /** Its offset, as lseek(2) has set it. */
  offset?: number;
  /** Type of the filesystem that a context of fsopen(2) is for, and the options that were set. */
  type?: string;
  options?: Map<string, string>;
  /** The line that it is an end of. */
  line?: unknown;
  /** The process that a pidfd is of. */
  pid?: number;
}

/** How a path is resolved. */
interface Walk {
  follow: boolean;
  resolve: number;
}

/** Inode numbers of namespaces begin somewhere above this one: PROC_DYNAMIC_FIRST. */
let nextNamespace = 5_000_000_000;

/** Links that lead to a namespace, and to no path. */
const NAMESPACE_LINK = /^\/proc\/\w+\/ns\/\w+$/;

/** The most symlinks on one path (path_resolution(7)). */
const MAX_LINKS = 40;

/** Where a path has led to. `entry` is undefined where the last part is missing. */
interface Found {
  position: Position;
  entry: Entry | undefined;
}

/** See the module's description. */
export class DryProcess {
  mounts: MountTable;
  root: Position = { path: "/", place: "/" };
  cwd: Position = { path: "/", place: "/" };
  readonly fds = new Map<number, Opened>();
  /** Namespaces that are not tsrun's: numbers by the names of their links in /proc. */
  readonly namespaces: Map<string, number>;
  /** How often the working directory can be unmounted: the old root lies over the new one. */
  covers = 0;

  /** @param tree The files. @param from The process that it is a copy of. */
  constructor(readonly tree: DryTree, readonly pid: number, from?: DryProcess) {
    this.mounts = new Map(from?.mounts);
    this.namespaces = new Map(from?.namespaces);
    if (from === undefined) return;
    this.root = from.root;
    this.cwd = from.cwd;
    for (const [fd, opened] of from.fds) this.fds.set(fd, opened);
  }

  /** New namespaces, by the flags of clone(2). */
  separate(flags: number): void {
    for (const { flag, link } of Object.values(NAMESPACES)) {
      if (flags & flag) this.namespaces.set(link, nextNamespace++);
    }
  }

  /** Enters namespaces of another process. */
  join(other: DryProcess, flags: number): void {
    for (const { flag, link } of Object.values(NAMESPACES)) {
      const theirs = other.namespaces.get(link);
      if (flags & flag && theirs !== undefined) this.namespaces.set(link, theirs);
    }
    if (!(flags & NAMESPACES.mount.flag)) return;
    this.mounts = new Map(other.mounts);
    this.root = this.cwd = other.root;
  }

  /** Opens something. @returns The lowest free descriptor. */
  add(opened: Opened, from = 3): number {
    let fd = from;
    while (this.fds.has(fd)) fd++;
    this.fds.set(fd, opened);
    return fd;
  }

  /** Where a path leads from a directory; a negative errno where it leads nowhere. */
  find(dir: number, path: string, walk: Walk): Found | number {
    const start = this.#start(dir, path, walk.resolve);
    if (typeof start === "number") return start;
    if (path === "") return { position: start, entry: this.tree.look(start.place) };
    const root = walk.resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH) ? this.#start(dir, "", 0) : this.root;
    return this.#walk(start, root as Position, path.split("/"), walk);
  }

  /** What a descriptor or a path below it is; a negative errno where it is nothing. */
  lookAt(dir: number, path: string, follow: boolean): Found & { entry: Entry } | number {
    const found = this.find(dir, path, { follow, resolve: 0 });
    if (typeof found === "number") return found;
    return found.entry === undefined ? -ENOENT : { position: found.position, entry: found.entry };
  }

  /** open(2). @returns The descriptor, or a negative errno. */
  open(dir: number, path: string, flags: number, resolve: number, mode: number): number {
    const noFollow = (flags & O_NOFOLLOW) !== 0 || (flags & O_EXCL) !== 0;
    const found = this.find(dir, path, { follow: !noFollow, resolve });
    if (typeof found === "number") return found;
    let { entry } = found;
    const { position } = found;
    if (entry === undefined) {
      if (!(flags & O_CREAT)) return -ENOENT;
      this.tree.make(position.place, entry = { mode: S_IFREG | mode, text: "" });
    } else if ((flags & O_CREAT) && (flags & O_EXCL)) return -EEXIST;
    if (isLink(entry) && !(flags & O_PATH) && !NAMESPACE_LINK.test(position.place)) return -ELOOP;
    if (!(flags & O_PATH) && !this.#mayOpen(entry, flags)) return -EACCES;
    if ((flags & O_DIRECTORY) && !isDirectory(entry)) return -ENOTDIR;
    return this.add({ position });
  }

  /** Root of a user namespace has no rights over files of the host's root: user_namespaces(7). */
  #mayOpen({ mode, uid }: Entry, flags: number): boolean {
    if (uid !== 0 || !this.namespaces.has(NAMESPACES.user.link)) return true;
    const access = flags & O_ACCMODE;
    return (access === O_WRONLY || (mode & 0o4) !== 0) && (access === O_RDONLY || (mode & 0o2) !== 0);
  }

  /** The number of the mount that a position is in, and whether it is the root of it. */
  mountOf({ path, place, mount }: Position): { id: number; isRoot: boolean } {
    if (mount) return { id: mount.id, isRoot: mount.place === place };
    for (let at = path ?? "/";; at = parentOf(at)) {
      const here = this.mounts.get(at);
      if (here) return { id: here.id, isRoot: at === path };
      if (at === "/") return { id: 1, isRoot: path === "/" };
    }
  }

  /** The way from its root to a position, as getcwd(2) tells it. */
  wayTo({ path = "/" }: Position): string {
    const root = this.root.path ?? "/";
    return root === "/" ? path : path.slice(root.length) || "/";
  }

  #start(dir: number, path: string, resolve: number): Position | number {
    if (path.startsWith("/") && !(resolve & RESOLVE_IN_ROOT)) return this.root;
    if (dir === AT_FDCWD) return this.cwd;
    return this.fds.get(dir)?.position ?? -EBADF;
  }

  #walk(start: Position, root: Position, names: string[], { follow, resolve }: Walk): Found | number {
    let at = start, links = 0;
    let entry = this.tree.look(at.place);
    let left = names.filter((name) => name !== "" && name !== ".");
    while (left.length > 0) {
      const [name, ...rest] = left;
      if (entry === undefined) return -ENOENT;
      if (!isDirectory(entry)) return -ENOTDIR;
      const before = at;
      at = this.#step(at, root, name);
      entry = this.tree.look(at.place);
      left = rest;
      if (entry === undefined || !isLink(entry) || (left.length === 0 && !follow)) continue;
      if (NAMESPACE_LINK.test(at.place)) continue;
      if (resolve & RESOLVE_NO_SYMLINKS || ++links > MAX_LINKS) return -ELOOP;
      const target = entry.target ?? "";
      at = target.startsWith("/") ? root : before;
      entry = this.tree.look(at.place);
      left = [...target.split("/").filter((name) => name !== "" && name !== "."), ...left];
    }
    return { position: at, entry };
  }

  /** One component further. */
  #step(at: Position, root: Position, name: string): Position {
    if (name === "..") return this.#up(at, root);
    const [, fd] = /^(?:\/proc|\d+:)\/(?:self|thread-self|\d+)\/fd\/(\d+)$/.exec(childOf(at.place, name)) ??
      [];
    const opened = fd === undefined ? undefined : this.fds.get(Number(fd))?.position;
    if (opened) return opened;
    const [, pid] = /^\/proc\/(\d+)\/root$/.exec(childOf(at.place, name)) ?? [];
    const theirs = pid === undefined ? undefined : this.tree.rootOf(Number(pid));
    if (theirs) return theirs;
    const place = childOf(at.place, name);
    if (at.path === undefined) return { place, mount: at.mount };
    const path = childOf(at.path, name), mount = this.mounts.get(path);
    return { path, place: mount?.place ?? place };
  }

  #up(at: Position, root: Position): Position {
    if (at.place === root.place) return root;
    if (at.path === undefined) return { place: parentOf(at.place), mount: at.mount };
    const path = parentOf(at.path);
    return { path, place: this.mounts.get(path)?.place ?? this.placeOf(path) };
  }

  /** What lies at a path of the mount namespace. */
  placeOf(path: string): Place {
    if (path === "/") return this.mounts.get("/")?.place ?? "/";
    return this.mounts.get(path)?.place ?? childOf(this.placeOf(parentOf(path)), nameOf(path));
  }
}
