/**
 * Files of a release before they are packed.
 * @module
 */

/** One file, or a symbolic link. */
export type Entry =
  & { path: string }
  & ({ content: Uint8Array<ArrayBuffer>; mode: number } | { link: string });

/** A file of text. */
export function textEntry(path: string, text: string, mode = 0o644): Entry {
  return { path, content: new TextEncoder().encode(text), mode };
}

/** Every directory above the entries, outermost first, without a slash at its end. */
export function directoriesOf(entries: readonly Entry[]): string[] {
  const found = new Set<string>();
  for (const { path } of entries) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) found.add(path.slice(0, at));
  }
  return [...found].sort();
}

/** The entries below another directory. */
export function below(directory: string, entries: readonly Entry[]): Entry[] {
  return entries.map((entry) => ({ ...entry, path: `${directory}/${entry.path}` }));
}
