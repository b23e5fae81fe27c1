/**
 * Control files of cgroups that would have been made: what a new cgroup has in them.
 *
 * Sources: the kernel's admin-guide, cgroup-v1/ and cgroup-v2.rst.
 * @module
 */

import type { RealFiles } from "./real_files.ts";

/** What stands in files of a new cgroup, where that is not nothing. */
const TEXTS: Readonly<Record<string, string>> = {
  "cgroup.events": "populated 0\nfrozen 0\n",
  "cgroup.freeze": "0\n",
  "cgroup.type": "domain\n",
  "freezer.state": "THAWED\n",
  "freezer.self_freezing": "0\n",
  "freezer.parent_freezing": "0\n",
  "memory.usage_in_bytes": "0\n",
  "memory.current": "0\n",
};

/** The controllers that a cgroup hands down when a text was written to its cgroup.subtree_control. */
export function controllersAfter(before: string, written: string): string {
  const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
  const enabled = new Set(words(before));
  for (const word of words(written)) {
    if (word.startsWith("-")) enabled.delete(word.slice(1));
    else enabled.add(word.replace(/^\+/, ""));
  }
  return [...enabled].join(" ");
}

/**
 * The text of a control file in a new cgroup; undefined where there is no such file. A new cgroup has the
 * files of its neighbours, or of its parent.
 *
 * @param directory Of the new cgroup.
 */
export function cgroupText(real: RealFiles, directory: string, file: string): string | undefined {
  let above = directory;
  while (real.look(above) === undefined && above.includes("/", 1)) {
    above = above.slice(0, above.lastIndexOf("/"));
  }
  if (real.look(`${above}/cgroup.procs`) === undefined) return undefined;
  if (TEXTS[file] !== undefined) return TEXTS[file];
  const places = [above, ...real.names(above).map((name) => `${above}/${name}`)];
  // The root of v2 lacks most of the files, and may have no other cgroup to look at.
  const known = places.some((place) => real.look(`${place}/${file}`) !== undefined) || places.length === 1;
  return known ? "" : undefined;
}
