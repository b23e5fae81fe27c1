/**
 * What pidfds of a dry run look like: as this kernel's do.
 * @module
 */

import { Descriptor } from "../../../ffi/descriptor.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { Buffer } from "../../../ffi/memory.ts";
import { pidfdFilesystem, pidfdOpen } from "../../../ffi/pidfd.ts";
import { STATX_INODE_OFFSET } from "../../../ffi/structs.ts";

/** See the module's description. */
export class DryPidfds {
  readonly #filesystem: number;

  /** @param pid A process of the host, whose pidfd is looked at. */
  constructor(k: LocalKernel, pid: number) {
    using pidfd = new Descriptor(k, pidfdOpen(k, pid));
    this.#filesystem = pidfdFilesystem(k, pidfd.fd);
  }

  /** Answers fstatfs(2). */
  statfs(into: Buffer): number {
    into.memory.setU64(into.address, this.#filesystem);
    return 0;
  }

  /** Answers statx(2) for the pidfd of a process: its inode is one of its own. */
  statx(into: Buffer, pid: number): number {
    into.memory.setU64(into.address + STATX_INODE_OFFSET, pid);
    return 0;
  }
}
