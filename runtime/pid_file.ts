/**
 * The file of `--pid-file`.
 * @module
 */

import { reasonOf, RuntimeError } from "./errors.ts";

/**
 * Writes the pid without a newline, as clients read the whole file as a number; whole or not at all.
 *
 * @param path Absolute.
 * @throws {RuntimeError} Naming the file.
 */
export function writePidFile(path: string, pid: number): void {
  const slash = path.lastIndexOf("/");
  const temporary = `${path.slice(0, slash)}/.${path.slice(slash + 1)}`;
  try {
    Deno.writeTextFileSync(temporary, String(pid), { mode: 0o644 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw new RuntimeError(`write pid file ${path}: ${reasonOf(error)}`);
  }
}
