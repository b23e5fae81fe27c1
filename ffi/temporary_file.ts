/**
 * A file that exists only while a function works with it.
 * @module
 */
import { randomBytes } from "./random.ts";

/**
 * Writes a file under a unique name, and removes it when the function has ended.
 *
 * @param directory Made with its parents (mode 0700) where it is missing.
 * @param prefix Beginning of the file's name.
 * @param work Gets the file's path.
 * @throws {Error} Deno's own, where the file cannot be made.
 */
export function withTemporaryFile<T>(
  directory: string,
  prefix: string,
  { bytes, mode }: { bytes: Uint8Array; mode: number },
  work: (path: string) => T,
): T {
  // A pid is not unique here: another PID namespace, or a tsrun that was killed, may have had the same one.
  const path = `${directory}/${prefix}.${randomBytes(16).toHex()}`;
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  Deno.writeFileSync(path, bytes, { mode, createNew: true });
  try {
    return work(path);
  } finally {
    Deno.removeSync(path);
  }
}
