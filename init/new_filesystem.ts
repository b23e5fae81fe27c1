/**
 * Describes the filesystem that a mount makes.
 * @module
 */

import type { Fd } from "../ffi/kernel.ts";

/** Mount options that take an SELinux context: mount(8). */
export type ContextType = "context" | "fscontext" | "defcontext" | "rootcontext";

/** A filesystem to make. */
export interface NewFilesystem {
  type: string;
  source: string;
  /** Options of the filesystem itself: `key=value` or `key`. */
  data: readonly string[];
  /** Flags of mount(2). Only those that belong to the superblock are used. */
  flags: number;
  /** MOUNT_ATTR_* of the mount. */
  attributes: number;
  /** SELinux context of all files in it; absent or empty where the policy decides. */
  label?: string;
  /** The mount option that the label is given by; `context` when absent. */
  labelType?: ContextType;
  /**
   * A directory that nothing looks into meanwhile, for filesystems that only mount(2) can make; absent where
   * there is none.
   */
  cover?: Fd;
}
