/**
 * Paths as they are written: `.`, `..` and doubled slashes resolved without a look at any file.
 *
 * @module
 */

/** Components of a path; `..` takes the one before it back, at the start nothing. */
export function pathNames(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

/**
 * A path as if its start were the root: it never leads out of that. A relative one stays relative.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cleanPath } from "./clean_path.ts";
 * assertEquals(cleanPath("../../etc/./x/"), "etc/x");
 * assertEquals(cleanPath("/../docker//abc"), "/docker/abc");
 * ```
 */
export function cleanPath(path: string): string {
  return (path.startsWith("/") ? "/" : "") + pathNames(path).join("/");
}
