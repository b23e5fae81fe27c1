/**
 * Deno's functions for files in a dry run: reading is from the dry run's tree, which knows the host's files
 * and those that would have been made; writing only changes that tree.
 * @module
 */

import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../../../ffi/constants.ts";
import { EACCES, EPERM, strerror } from "../../../ffi/errno.ts";
import type { Entry } from "./entry.ts";
import { type DryTree, isDirectory, parentOf } from "./tree.ts";

/** The options that the program gives to these functions. */
interface Options {
  mode?: number;
  recursive?: boolean;
  create?: boolean;
  createNew?: boolean;
}

type Handler = (tree: DryTree, path: string, operands: readonly unknown[]) => unknown;

/** See the module's description. */
export class DryFiles {
  /** @param writable Whether a directory or a file of the host may be changed: 0, or an errno. */
  constructor(readonly tree: DryTree, readonly writable: (path: string) => number) {}

  /** Answers one use of a function. @param run The function itself, for files of the host. */
  handle(name: string, operands: readonly unknown[], run: () => unknown): unknown {
    const path = String(operands[0]).replace(/(.)\/+$/, "$1"), { tree } = this;
    const writing = WRITING[name];
    if (writing) {
      this.#check(name, path);
      return writing(tree, path, operands);
    }
    return tree.isMade(path) ? READING[name]?.(tree, path, operands) : run();
  }

  /** What the host does not let this process change, it cannot. */
  #check(name: string, path: string): void {
    const { tree } = this, there = tree.look(path) !== undefined;
    const target = there && !/^(?:mkdir|remove|rename|symlink)/.test(name) ? path : parentOf(path);
    if (tree.isMade(target) || tree.look(target) === undefined || (there && name === "mkdirSync")) return;
    const errno = this.writable(target);
    if (errno !== 0) throw errorOf(errno, path);
  }
}

/** The error that Deno throws for an errno. */
function errorOf(errno: number, path: string): Error {
  const message = `${strerror(errno)} (os error ${errno}): ${path}`;
  return errno === EACCES || errno === EPERM ? new Deno.errors.PermissionDenied(message) : new Error(message);
}

function missing(path: string): Error {
  return new Deno.errors.NotFound(`No such file or directory (os error 2): ${path}`);
}

function present(tree: DryTree, path: string): Entry {
  const entry = tree.look(path);
  if (entry === undefined) throw missing(path);
  return entry;
}

/** What Deno tells about a file. */
function infoOf(entry: Entry) {
  const type = entry.mode & S_IFMT;
  return {
    ...{ isFile: type === S_IFREG, isDirectory: type === S_IFDIR, isSymlink: type === S_IFLNK },
    ...{ isFifo: type === S_IFIFO, mode: entry.mode, uid: entry.uid ?? 0, gid: 0, nlink: 1 },
    ...{ size: (entry.text ?? "").length, mtime: null },
  };
}

/** Functions that read, for what would have been made. */
const READING: Readonly<Record<string, Handler>> = {
  readTextFileSync(tree, path) {
    const entry = present(tree, path);
    if (isDirectory(entry)) throw new Error(`Is a directory (os error 21): ${path}`);
    return entry.text ?? "";
  },
  readFileSync: (tree, path) => new TextEncoder().encode(present(tree, path).text),
  statSync: (tree, path) => infoOf(present(tree, path)),
  lstatSync: (tree, path) => infoOf(present(tree, path)),
  realPathSync: (tree, path) => present(tree, path) && path,
  readLinkSync: (tree, path) => present(tree, path).target ?? "",
  readDirSync(tree, path) {
    present(tree, path);
    return tree.names(path).map((name) => ({ name, ...infoOf(tree.look(`${path}/${name}`) ?? { mode: 0 }) }));
  },
  openSync(tree, path) {
    const bytes = new TextEncoder().encode(present(tree, path).text);
    let at = 0;
    return {
      statSync: () => infoOf(present(tree, path)),
      seekSync: (offset: number) => at = offset,
      readSync(into: Uint8Array) {
        const part = bytes.subarray(at, at + into.length);
        into.set(part);
        at += part.length;
        return part.length || null;
      },
      close() {},
      [Symbol.dispose]() {},
    };
  },
};

function writeFile(
  tree: DryTree,
  path: string,
  text: string,
  { mode = 0o644, create, createNew }: Options,
): void {
  const before = tree.look(path);
  if (before === undefined && create === false) throw missing(path);
  if (before !== undefined && createNew) {
    throw new Deno.errors.AlreadyExists(`File exists (os error 17): ${path}`);
  }
  if (before === undefined && tree.look(parentOf(path)) === undefined) throw missing(path);
  tree.make(path, { ...before, mode: before?.mode ?? S_IFREG | mode, text });
}

/** Functions that write. */
const WRITING: Readonly<Record<string, Handler>> = {
  writeTextFileSync: (tree, path, [, text, options]) =>
    writeFile(tree, path, String(text), (options ?? {}) as Options),
  writeFileSync: (tree, path, [, bytes, options]) =>
    writeFile(tree, path, new TextDecoder().decode(bytes as Uint8Array), (options ?? {}) as Options),
  mkdirSync(tree, path, [, options]) {
    const { mode = 0o777, recursive } = (options ?? {}) as Options;
    if (tree.look(path) !== undefined) {
      if (recursive) return;
      throw new Deno.errors.AlreadyExists(`File exists (os error 17): ${path}`);
    }
    if (tree.look(parentOf(path)) === undefined) {
      if (!recursive) throw missing(path);
      WRITING.mkdirSync(tree, parentOf(path), [parentOf(path), options]);
    }
    tree.make(path, { mode: S_IFDIR | mode });
  },
  removeSync(tree, path) {
    present(tree, path);
    tree.remove(path);
  },
  renameSync(tree, path, [, to]) {
    const entry = present(tree, path);
    tree.remove(path);
    tree.make(String(to), entry);
  },
  chmodSync(tree, path, [, mode]) {
    const entry = present(tree, path);
    tree.make(path, { ...entry, mode: (entry.mode & S_IFMT) | Number(mode) });
  },
  chownSync: (tree, path) => void present(tree, path),
  copyFileSync: (tree, path, [, to]) => tree.make(String(to), present(tree, path)),
  symlinkSync: (tree, _path, [target, at]) =>
    tree.make(String(at), { mode: S_IFLNK | 0o777, target: String(target) }),
};
