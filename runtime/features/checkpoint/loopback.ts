/**
 * The loopback interface of a network namespace that CRIU has made. CRIU itself brings up no device.
 * @module
 */

import { O_RDONLY } from "../../../ffi/constants.ts";
import { Descriptor } from "../../../ffi/descriptor.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { bringLoopbackUp } from "../../../init/loopback.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";

/** Sets `lo` up in the network namespace of a process, as create does in a new one. */
export function bringContainersLoopbackUp(k: LocalKernel, pid: number): void {
  // Each thread has namespaces of its own, and this process has several threads.
  using own = new Descriptor(k, k.open("/proc/thread-self/ns/net", O_RDONLY));
  using theirs = new Descriptor(k, k.open(`/proc/${pid}/ns/net`, O_RDONLY));
  k.setns(theirs, NAMESPACES.network.flag);
  try {
    bringLoopbackUp(k);
  } finally {
    k.setns(own, NAMESPACES.network.flag);
  }
}
