/**
 * The host as the commands that judge it see it: files, links, directories and facts about the caller. Tests
 * give a view of a host that does not exist.
 * @module
 */

import { AT_EACCESS, AT_FDCWD, W_OK } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { callerGid, callerUid, kernelRelease } from "./caller.ts";

/** What a path leads to. */
export type FileKind = "file" | "program" | "directory" | "socket" | "other";

/** Asks for the options of a filesystem that the kernel refuses, with its reasons. */
export type OptionTrial = (type: string, data: readonly string[]) => { option: string; reason: string }[];

/** A host to look at. Nothing of it throws: what may not be looked at is not there. */
export interface HostView {
  /** Text of a file of at most a megabyte. */
  read(path: string): string | undefined;
  /** What a path leads to, links followed. A `program` is a regular file with an execute bit. */
  kind(path: string): FileKind | undefined;
  /** The path that a symbolic link holds; undefined if it is none. */
  link(path: string): string | undefined;
  /** Names in a directory; none if it is none. */
  names(path: string): string[];
  /** Whether the caller may write to a file or directory. */
  writable(path: string): boolean;
  /**
   * The options of a filesystem that the kernel refuses; none where the caller may not ask.
   *
   * @param type One that the kernel has.
   */
  refusedOptions: OptionTrial;
  /** Effective ids of the caller. */
  readonly uid: number;
  readonly gid: number;
  /** As uname(2) tells it, such as `6.1.0-13-amd64`. */
  readonly kernel: string;
}

/** The most bytes that are read of a file; what is longer is cut. */
const VIEW_MAX = 1 << 20;

/**
 * This host, as the caller sees it.
 *
 * @param tryOptions See {@linkcode HostView.refusedOptions}.
 */
export function thisHost(k: LocalKernel, tryOptions: OptionTrial = () => []): HostView {
  return {
    read: (path) => attempt(() => readBounded(path)),
    kind: (path) => attempt(() => kindOf(Deno.statSync(path))),
    link: (path) => attempt(() => Deno.readLinkSync(path)),
    names: (path) => attempt(() => [...Deno.readDirSync(path)].map(({ name }) => name).sort()) ?? [],
    writable: (path) =>
      k.call("faccessat2", [AT_FDCWD, path, W_OK, AT_EACCESS], { allow: "any" }).wait() === 0,
    refusedOptions: (type, data) => attempt(() => tryOptions(type, data)) ?? [],
    uid: callerUid(),
    gid: callerGid(),
    kernel: kernelRelease(),
  };
}

/** Whether a kernel is at least of this version. Distributions may have added features to an older one. */
export function isAtLeast({ kernel }: Pick<HostView, "kernel">, major: number, minor: number): boolean {
  const [hasMajor, hasMinor] = kernel.split(".").map((part) => parseInt(part));
  return hasMajor > major || hasMajor === major && hasMinor >= minor;
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

/** Pipes and devices are not opened: reading one may wait, or have effects. */
function readBounded(path: string): string | undefined {
  if (!Deno.statSync(path).isFile) return undefined;
  using file = Deno.openSync(path, { read: true });
  const bytes = new Uint8Array(VIEW_MAX);
  let length = 0;
  while (length < bytes.length) {
    const got = file.readSync(bytes.subarray(length));
    if (!got) break;
    length += got;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

function kindOf({ isFile, isDirectory, isSocket, mode }: Deno.FileInfo): FileKind {
  if (isDirectory) return "directory";
  if (isSocket) return "socket";
  if (!isFile) return "other";
  return ((mode ?? 0) & 0o111) !== 0 ? "program" : "file";
}
