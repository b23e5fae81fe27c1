/**
 * Files that tsrun has written itself, or that belong to the host: they are regular files, and have a limit
 * of bytes. A file that has become something else ends a command in one line, and neither takes all memory
 * nor waits without end.
 * @module
 */
import { S_IFMT, S_IFREG } from "../../ffi/constants.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { madeLocal } from "../../ffi/local.ts";
import { stat } from "../../ffi/stat.ts";

/**
 * The longest file of a state directory in bytes: twice the longest config.json, because a record holds parts
 * of it beside others.
 */
export const RECORD_MAX: number = 32 << 20;
/** The longest file of users (passwd(5)) in bytes. */
export const USERS_MAX: number = 16 << 20;
/** The longest file of the cache of compiled filters in bytes: a profile, and its program twice. */
export const FILTER_MAX: number = 32 << 20;

/** A file is none that can be read: a device, a pipe, a directory, a link to itself, or too long. */
export class UnreadableFileError extends RuntimeError {
  override name = "UnreadableFileError";
}

/**
 * Reads a whole file.
 *
 * @param path Links are followed.
 * @param most Its limit in bytes.
 * @throws {UnreadableFileError} `not a regular file`, or `longer than <n> MiB`, without the path.
 * @throws Deno's errors, such as `Deno.errors.NotFound`.
 */
export function readSmallFile(path: string, most: number): string {
  const file = look(path);
  // Where there is nothing to look at, reading tells why.
  if (file !== undefined && !file.regular) {
    throw new UnreadableFileError("EINVAL_DOCUMENT", "not a regular file");
  }
  if (file !== undefined && file.size > most) {
    throw new UnreadableFileError("EFBIG_DOCUMENT", `longer than ${most >> 20} MiB`);
  }
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.FilesystemLoop)) throw error;
    throw new UnreadableFileError("EINVAL_DOCUMENT", reasonOf(error));
  }
}

/** Asks in the way that costs less: the first `Deno.statSync` takes 0.4 ms, and to bind libc 1 ms. */
function look(path: string): { regular: boolean; size: number } | undefined {
  const k = madeLocal();
  if (k === undefined) return lookByDeno(path);
  const there = stat(k, path);
  return there && { regular: (there.mode & S_IFMT) === S_IFREG, size: there.size };
}

function lookByDeno(path: string): { regular: boolean; size: number } | undefined {
  try {
    const { isFile, size } = Deno.statSync(path);
    return { regular: isFile, size };
  } catch {
    return undefined;
  }
}
