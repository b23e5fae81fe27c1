/**
 * The procfs that tsrun sees, for an init that may not mount a procfs.
 * @module
 */

import { O_DIRECTORY, O_NOFOLLOW, O_PATH, PROC_SUPER_MAGIC } from "../ffi/constants.ts";
import { RuntimeError } from "../ffi/errors.ts";
import type { LocalKernel } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import { fstat } from "../ffi/stat.ts";
import { decodeStatfsType, STATFS_SIZE } from "../ffi/structs.ts";
import { giveDescriptor } from "./hand_over.ts";

/**
 * Gives the init a descriptor of /proc as tsrun sees it. It must be the root of a procfs, where every entry
 * comes from the kernel.
 *
 * @throws {RuntimeError} When /proc is anything else.
 */
export function giveProcfs(k: LocalKernel, init: RemoteKernel): number {
  const procfs = k.open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW).wait();
  try {
    const isProcfs = k.scratch(() => {
      const statfs = k.buffer(STATFS_SIZE);
      k.fstatfs(procfs, statfs).wait();
      return decodeStatfsType(statfs) === PROC_SUPER_MAGIC && fstat(k, procfs)?.inode === PROC_ROOT_INODE;
    });
    if (!isProcfs) {
      throw new RuntimeError(
        "EPERM_PROCFS",
        "open a private procfs: operation not permitted, and /proc is none",
      );
    }
    return giveDescriptor(k, init, procfs);
  } finally {
    k.close(procfs);
  }
}

/** The inode number of the root of every procfs. No other file of a procfs has it: linux/proc_ns.h. */
const PROC_ROOT_INODE = 1;
