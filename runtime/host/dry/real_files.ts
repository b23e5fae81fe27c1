/**
 * Reads the host's files, by Deno's functions as they were before a dry run put its own in their place.
 * @module
 */

import type { Entry } from "./entry.ts";

/** Functions of Deno that read. */
type Reading = Pick<typeof Deno, "lstatSync" | "readLinkSync" | "readTextFileSync" | "readDirSync">;

/** See the module's description. Nothing is an answer for what is missing, or may not be looked at. */
export class RealFiles {
  readonly #deno: Reading = {
    lstatSync: Deno.lstatSync,
    readLinkSync: Deno.readLinkSync,
    readTextFileSync: Deno.readTextFileSync,
    readDirSync: Deno.readDirSync,
  };

  /** What is at a path; a link is not followed. */
  look(path: string): Entry | undefined {
    try {
      const { mode, rdev, uid, isSymlink } = this.#deno.lstatSync(path);
      const target = isSymlink ? this.#deno.readLinkSync(path) : undefined;
      return { mode: mode ?? 0, rdev: rdev ?? 0, uid: uid ?? 0, target };
    } catch {
      return undefined;
    }
  }

  /** Content of a file. */
  text(path: string): string | undefined {
    try {
      return this.#deno.readTextFileSync(path);
    } catch {
      return undefined;
    }
  }

  /** Names in a directory. */
  names(path: string): string[] {
    try {
      return [...this.#deno.readDirSync(path)].map(({ name }) => name);
    } catch {
      return [];
    }
  }
}
