/**
 * Where newuidmap(1) and newgidmap(1) may be: what they do with their privileges must not depend on the
 * caller's PATH.
 * @module
 */

/** The directories, in the order of the search. */
export const ID_MAP_TOOL_DIRECTORIES: readonly string[] = [
  "/usr/bin",
  "/bin",
  "/usr/local/bin",
  "/usr/sbin",
  "/sbin",
];
