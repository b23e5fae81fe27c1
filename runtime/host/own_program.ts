/**
 * Where this program is.
 * @module
 */

import { realPath } from "./files.ts";

/**
 * Absolute path of tsrun, without links.
 *
 * A bundle is run by a Deno that gets the bundle's loader as a script of type data, and the bundle's path
 * behind it. A compiled program is its own Deno, and one that goes on from a snapshot has no other.
 */
export function ownProgram(): string {
  const words = Deno.readTextFileSync("/proc/self/cmdline").split("\0");
  const loader = words.findIndex((word) => word.startsWith("data:text/javascript,"));
  return realPath(loader < 0 ? "/proc/self/exe" : words[loader + 1]);
}
