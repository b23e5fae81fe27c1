/**
 * Facts about this copy of tsrun: the answer to `tsrun --version`.
 *
 * `./x build` puts one line, `const TSRUN_BUILD={...};`, in front of the bundle. tsrun run from its sources
 * has no such line, and says so. This module neither starts git nor reads a file.
 */

/** How tsrun was packed: an executable made by `deno compile`, one script with a shebang, or not at all. */
export type BuildKind = "compiled" | "bundle" | "source";

/** The facts of one build. */
export interface BuildInfo {
  /** Version of tsrun, as in `deno.json`. */
  version: string;
  /**
   * Commit that it was built from, with `-dirty` where the tree differed from it; empty where it is unknown.
   */
  commit: string;
  kind: BuildKind;
  /**
   * Digest of the program's text, which the entry knows too: of this build is what names it. Absent where
   * there is no entry.
   */
  digest?: string;
  /** Whether this process goes on from a snapshot of the started engine (build/snapshot/README.md). */
  fromSnapshot?: boolean;
}

declare const TSRUN_BUILD: BuildInfo | undefined;

/** Version, commit and kind of this copy of tsrun. */
export const build: Readonly<BuildInfo> = typeof TSRUN_BUILD === "undefined"
  ? { version: "0.2.0", commit: "", kind: "source" }
  : TSRUN_BUILD;
