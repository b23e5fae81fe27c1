/**
 * Paths as they are written: `.`, `..` and doubled slashes resolved without a look at any file.
 *
 * @module
 */

/** Components of a path. `..` removes the component before it; at the start it removes nothing. */
export function pathNames(path: string): string[] {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names;
}

/**
 * A path as if its start were the root, so that it never leads out of it. A relative path stays relative.
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
