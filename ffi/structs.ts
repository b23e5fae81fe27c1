/**
 * Structures of the kernel's interface that are more than 64-bit words.
 *
 * Sources: statx(2), makedev(3), capset(2) and the headers under include/uapi/linux.
 * @module
 */

import { STATX_ATTR_MOUNT_ROOT } from "./constants.ts";
import type { Buffer } from "./memory.ts";

/** A device number as mknod(2) takes it: the kernel's new_encode_dev(), which is 32 bits wide. */
export function makedev(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** Bytes of `struct statx`, and the offsets of some fields. */
export const STATX_SIZE = 256,
  STATX_LINKS_OFFSET = 16,
  STATX_MODE_OFFSET = 28,
  STATX_INODE_OFFSET = 32,
  STATX_SIZE_OFFSET = 40;

/** The result of statx(2); see there for the fields. */
export interface Stat {
  /** Hard links. */
  links: number;
  mode: number;
  uid: number;
  gid: number;
  inode: number;
  size: number;
  rdev: { major: number; minor: number };
  dev: { major: number; minor: number };
  mountId: number;
  /** Whether it is the root of a mount. False before Linux 5.8, which does not report it. */
  mountRoot: boolean;
}

/** The type and mode alone of what is in a `struct statx`. */
export function decodeMode(buffer: Buffer): number {
  return buffer.u32(28) & 0xffff;
}

/** Reads `struct statx` out of a buffer. */
export function decodeStatx(buffer: Buffer): Stat {
  return {
    mode: decodeMode(buffer),
    links: buffer.u32(16),
    uid: buffer.u32(20),
    gid: buffer.u32(24),
    inode: buffer.u64(STATX_INODE_OFFSET),
    size: buffer.u64(40),
    rdev: { major: buffer.u32(128), minor: buffer.u32(132) },
    dev: { major: buffer.u32(136), minor: buffer.u32(140) },
    mountId: buffer.u64(144),
    mountRoot: (buffer.u32(8) & STATX_ATTR_MOUNT_ROOT) !== 0,
  };
}

/** The filesystem's magic number out of a `struct statfs`, see statfs(2). */
export function decodeStatfsType(buffer: Buffer): number {
  return buffer.u64(0);
}

/** Flags of the mount and its filesystem (`ST_*`) out of a `struct statfs`. */
export function decodeStatfsFlags(buffer: Buffer): number {
  return buffer.u32(80);
}

/** What is free on a filesystem for its users, out of a `struct statfs`. */
export function decodeStatfsFree(buffer: Buffer): { bytes: number; files: number } {
  return { bytes: buffer.u64(8) * buffer.u64(32), files: buffer.u64(48) };
}

/** Bytes of `struct statfs`. */
export const STATFS_SIZE = 120;

/** Little-endian bytes of 32-bit words. */
export function words32(...words: number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  words.forEach((word, i) => view.setUint32(i * 4, word >>> 0, true));
  return bytes;
}
