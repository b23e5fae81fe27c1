/**
 * Files of the host, by Deno's own operations. Commands that run often use them because they cost less than
 * foreign calls (build/README.md).
 *
 * Errors are Deno's (`Deno.errors.NotFound` and the like). {@linkcode reasonOf} of ffi/errors.ts turns them
 * into words.
 * @module
 */

/** The text of a small file of the kernel, such as those in /proc and in cgroup file systems. */
export function readText(path: string): string {
  return Deno.readTextFileSync(path);
}

/** The text at the end of a file that may be long. @param most Number of bytes. */
export function readTail(path: string, most: number): string {
  using file = Deno.openSync(path, { read: true });
  const { size } = file.statSync(), bytes = new Uint8Array(Math.min(size, most));
  file.seekSync(size - bytes.length, Deno.SeekMode.Start);
  let length = 0;
  while (length < bytes.length) {
    const got = file.readSync(bytes.subarray(length));
    if (!got) break;
    length += got;
  }
  return new TextDecoder().decode(bytes.subarray(0, length));
}

/** Whether a path leads to a directory; links are followed. False if it cannot be looked at. */
export function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Whether a path is a directory itself, not a link to one. False if it cannot be looked at. */
export function isRealDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Whether a path leads to a regular file. False if it cannot be looked at. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * Number of hard links of a file. A directory has two, and one more for each directory in it. Null if it
 * cannot be read.
 */
export function linkCount(path: string): number | null {
  return Deno.statSync(path).nlink;
}

/** When a file was last written, in milliseconds since 1970; 0 if that cannot be read. */
export function modifiedAt(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}

/** The path that a symbolic link holds. */
export function linkTarget(path: string): string {
  return Deno.readLinkSync(path);
}

/** The canonical path of an existing file: links are followed, `..` is resolved. */
export function realPath(path: string): string {
  return Deno.realPathSync(path);
}

/** Names in a directory, in no order. */
export function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name);
}

/** Makes a directory with exactly this mode, for any umask. Its parent must exist. */
export function makeDirectory(path: string, mode: number): void {
  Deno.mkdirSync(path, { mode });
  Deno.chmodSync(path, mode);
}

/** Makes a directory with its parents. It may exist already. @param mode The umask applies to it. */
export function makeDirectories(path: string, mode: number): void {
  Deno.mkdirSync(path, { recursive: true, mode });
}

/** Sets the mode of a file. */
export function setMode(path: string, mode: number): void {
  Deno.chmodSync(path, mode);
}

/** Gives a file to another user. Its group stays. */
export function setOwner(path: string, uid: number): void {
  Deno.chownSync(path, uid, null);
}

/**
 * Writes a whole file. Readers see it while it grows, so a new file is written beside the old one and
 * renamed.
 */
export function writeTextFile(path: string, text: string, mode: number): void {
  Deno.writeTextFileSync(path, text, { mode });
}

/** Replaces a file by another in one step. */
export function renameFile(from: string, to: string): void {
  Deno.renameSync(from, to);
}

/** Removes a file or an empty directory. */
export function removeFile(path: string): void {
  Deno.removeSync(path);
}

/** Opens a directory or file for reading, so that it can be held or locked. */
export function openForReading(path: string): Deno.FsFile {
  return Deno.openSync(path, { read: true });
}
