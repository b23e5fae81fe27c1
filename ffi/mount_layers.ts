/**
 * The mounts that lie below the root of this process, out of its sight: statmount(2), which Linux has since
 * 6.8.
 * @module
 */
import { MS_SHARED } from "../spec/mount_options.ts";
import { AT_FDCWD, STATMOUNT_MNT_BASIC, STATX_MNT_ID_UNIQUE } from "./constants.ts";
import type { LocalKernel } from "./local.ts";
import { STATX_SIZE } from "./structs.ts";

/** Bytes of `struct mnt_id_req`, and room for `struct statmount`. */
const REQUEST_SIZE = 24, ANSWER_SIZE = 1024;
/** Offsets in `struct statx` and in `struct statmount`. */
const STX_MNT_ID = 144, PARENT_ID = 48, PROPAGATION = 72;

/** A mount below the root. */
export interface Layer {
  /** Whether what is mounted on it shows on other mounts, and the other way round. */
  shared: boolean;
}

/**
 * The mounts below the mount that is the root of this process, from the nearest to the root of the mount
 * namespace. Usually there is one, the kernel's first file system. Empty where the kernel does not tell.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { local } from "./local.ts";
 * assert(layersBelowRoot(local()).length < 10);
 * ```
 */
export function layersBelowRoot(k: LocalKernel): Layer[] {
  return k.scratch(() => {
    const root = k.buffer(STATX_SIZE), answer = k.buffer(ANSWER_SIZE);
    k.statx(AT_FDCWD, "/", root, {}, 0, STATX_MNT_ID_UNIQUE);
    const layers: Layer[] = [];
    for (let id = root.word(STX_MNT_ID), first = true;; first = false) {
      const request = [REQUEST_SIZE, id, STATMOUNT_MNT_BASIC];
      if (k.call("statmount", [request, answer, ANSWER_SIZE, 0], { allow: "any" }).wait() < 0) return [];
      if (!first) layers.push({ shared: (answer.u64(PROPAGATION) & MS_SHARED) !== 0 });
      const parent = answer.word(PARENT_ID);
      if (parent === id) return layers;
      id = parent;
    }
  });
}
