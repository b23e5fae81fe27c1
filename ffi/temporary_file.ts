/**
 * A file that is there for as long as something is done with it.
 * @module
 */

/**
 * Writes a file under a name that nothing else has, and removes it when the work with it is done.
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
  // A pid would not do: other PID namespaces, and a tsrun that was killed here, may have had the same one.
  const path = `${directory}/${prefix}.${crypto.randomUUID()}`;
  Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
  Deno.writeFileSync(path, bytes, { mode, createNew: true });
  try {
    return work(path);
  } finally {
    Deno.removeSync(path);
  }
}
