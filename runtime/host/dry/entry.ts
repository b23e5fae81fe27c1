/**
 * What a dry run knows of a file.
 * @module
 */

/** What lies there. */
export interface Entry {
  /** Type and permissions. */
  mode: number;
  /** Device number as makedev(3) packs it. */
  rdev?: number;
  uid?: number;
  /** Target of a symbolic link. */
  target?: string;
  /** Content of a file that would have been written. */
  text?: string;
}
