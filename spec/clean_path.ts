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
 * Whether a path is clean as it is written. Nearly all are, and taking one apart takes far longer than this
 * look. It may say no to a clean path, one with a name that begins with a dot.
 */
function isClean(path: string): boolean {
  return path.startsWith("/") && !path.includes("/.") && !path.includes("//") && !path.endsWith("/");
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
  if (isClean(path)) return path;
  return (path.startsWith("/") ? "/" : "") + pathNames(path).join("/");
}
