/**
 * The state that the mounts of a container share while they are made.
 * @module
 */

import type { Fd } from "../ffi/kernel.ts";
import type { ContextType } from "./new_filesystem.ts";
import type { Mount } from "../spec/types.ts";

/** What mounting needs besides the mount itself. */
export interface MountContext {
  /** Descriptor of the rootfs. */
  root: Fd;
  /** Absolute path of the bundle; relative bind sources start here. */
  bundle: string;
  /**
   * Adds a step to a later stage. "mount checks" begins when everything is mounted and the kernel has
   * answered. "read-only mounts" begins when nothing more is made in the mounts.
   */
  later: (stage: "mount checks" | "read-only mounts", step: () => void) => void;
  /**
   * Destinations of the tmpfs mounts made so far. They are known to be empty, so mount points can be made in
   * them without a look.
   */
  fresh: Set<string>;
  /** How many destinations were missing so far. If some were missing, further ones probably are too. */
  missed: number;
  /** Copies one directory's content into another, both given as descriptors of the kernel's process. */
  copyUp: (from: number, to: number) => void;
  /** Clones the source of a bind mount (open_tree(2)) where that takes other rights or other ids. */
  openSource?: (mount: Mount, source: string, flags: number) => Fd;
  /**
   * Called with a mount that is about to be attached. In a container that runs, checks of its destination
   * must not come afterwards.
   */
  attaching?: (tree: Fd) => void;
  /** `linux.mountLabel`: SELinux context of new filesystems. */
  label?: string;
  /** The mount option that the label is given by, where it is not `context`. */
  labelType?: ContextType;
}
