/**
 * The file of `--pid-file`.
 * @module
 */

import { reasonOf, RuntimeError } from "../../ffi/errors.ts";

/**
 * Writes the pid without a newline, because clients read the whole file as a number. The file appears whole
 * or not at all.
 *
 * @param path Absolute.
 * @throws {RuntimeError} with the file's name.
 */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/");
  const temporary = `${path.slice(0, slash)}/.${path.slice(slash + 1)}`;
  try {
    create(temporary, String(pid));
    rename(temporary, path);
  } catch (error) {
    throw new RuntimeError("EIO_PID_FILE", `write pid file ${path}: ${reasonOf(error)}`);
  }
}

/** Writes a new file. Where others may write to the directory, a link that they put there is not followed. */
function create(path: string, text: string): void {
  const options = { mode: 0o644, createNew: true };
  try {
    Deno.writeTextFileSync(path, text, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    // A command that was ended in the middle left this file.
    Deno.removeSync(path);
    Deno.writeTextFileSync(path, text, options);
  }
}

function rename(from: string, to: string): void {
  try {
    Deno.renameSync(from, to);
  } catch (error) {
    Deno.removeSync(from);
    throw error;
  }
}
