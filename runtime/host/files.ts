/**
 * Files of the host, by Deno's own operations: on the usual way they cost less than foreign calls
 * (build/README.md).
 *
 * Errors are Deno's (`Deno.errors.NotFound` and the like): {@linkcode reasonOf} of ffi/errors.ts makes words
 * of them.
 * @module
 */

/** The text of a small file of the kernel, such as those in /proc and in cgroup file systems. */
export function readText(path: string): string {
  return Deno.readTextFileSync(path);
}

/** Whether a path leads to a directory, links followed; false where it cannot be looked at. */
export function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Whether a path is a directory itself and no link to one; false where it cannot be looked at. */
export function isRealDirectory(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}

/** Whether a path leads to a regular file; false where it cannot be looked at. */
export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * Hard links of a file; a directory has two, and one more for each directory in it. Null where it cannot be
 * told.
 */
export function linkCount(path: string): number | null {
  return Deno.statSync(path).nlink;
}

/** When a file was last written, in milliseconds since 1970; 0 where that cannot be told. */
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

/** The canonical path of what is there: links followed, `..` resolved. */
export function realPath(path: string): string {
  return Deno.realPathSync(path);
}

/** Names in a directory, in no order. */
export function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name);
}

/** Makes a directory with this very mode, whatever the umask is; its parent is there. */
export function makeDirectory(path: string, mode: number): void {
  Deno.mkdirSync(path, { mode });
  Deno.chmodSync(path, mode);
}

/** Makes a directory with its parents; fine when it is there. @param mode As far as the umask allows. */
export function makeDirectories(path: string, mode: number): void {
  Deno.mkdirSync(path, { recursive: true, mode });
}

/** Sets the mode of a file. */
export function setMode(path: string, mode: number): void {
  Deno.chmodSync(path, mode);
}

/** Gives a file to another user; its group stays. */
export function setOwner(path: string, uid: number): void {
  Deno.chownSync(path, uid, null);
}

/** Writes a file whole; readers see it as it grows, so a new one is renamed into its place. */
export function writeTextFile(path: string, text: string, mode: number): void {
  Deno.writeTextFileSync(path, text, { mode });
}

/** Puts a file in the place of another in one step. */
export function renameFile(from: string, to: string): void {
  Deno.renameSync(from, to);
}

/** Removes a file, or a directory that is empty. */
export function removeFile(path: string): void {
  Deno.removeSync(path);
}

/** Opens a directory or file for reading, to hold or to lock it. */
export function openForReading(path: string): Deno.FsFile {
  return Deno.openSync(path, { read: true });
}
