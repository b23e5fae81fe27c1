/**
 * `tmpcopyup`: copies the image's files at a tmpfs's destination into the tmpfs, before it is attached.
 *
 * tsrun copies through /proc/PID/fd of the init. Both directories are therefore those that the init has open,
 * even if their paths change meanwhile. Links in them are copied, never followed.
 * @module
 */

import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, S_IFMT } from "../../ffi/constants.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { makedev } from "../../ffi/structs.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";

/**
 * Copies the content of a directory: files, directories, links, devices, with owners and permissions.
 *
 * @throws {RuntimeError} Naming the entry that could not be copied.
 */
export function copyContent(k: LocalKernel, from: string, to: string): void {
  for (const { name } of Deno.readDirSync(from)) {
    try {
      copyEntry(k, `${from}/${name}`, `${to}/${name}`);
    } catch (error) {
      if (error instanceof RuntimeError) throw error;
      throw new RuntimeError("EIO_COPY_UP", `tmpcopyup: copy ${JSON.stringify(name)}: ${reasonOf(error)}`);
    }
  }
}

function copyEntry(k: LocalKernel, from: string, to: string): void {
  const info = Deno.lstatSync(from);
  const mode = info.mode! & 0o7777;
  if (info.isSymlink) Deno.symlinkSync(Deno.readLinkSync(from), to);
  else if (info.isDirectory) {
    Deno.mkdirSync(to);
    copyContent(k, from, to);
  } else if (info.isFile) Deno.copyFileSync(from, to);
  else copyNode(k, info, to);
  k.call("fchownat", [AT_FDCWD, to, info.uid!, info.gid!, AT_SYMLINK_NOFOLLOW]);
  // The mode is set after the owner, because a change of owner takes set-id bits away.
  if (!info.isSymlink) Deno.chmodSync(to, mode);
}

function copyNode(k: LocalKernel, info: Deno.FileInfo, to: string): void {
  const rdev = info.rdev ?? 0;
  // Deno reports glibc's dev_t; mknod(2) takes the kernel's 32 bits: makedev(3).
  const major = (rdev >>> 8) & 0xfff, minor = (rdev & 0xff) | ((Math.floor(rdev / 0x1000)) & 0xfffff00);
  k.mknodat(AT_FDCWD, to, info.mode! & (S_IFMT | 0o7777), makedev(major, minor));
}
