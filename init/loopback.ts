/**
 * Brings the loopback interface of a new network namespace up, as netdevice(7) describes.
 * @module
 */

import { AF_INET, IFF_RUNNING, IFF_UP, SIOCSIFFLAGS, SOCK_CLOEXEC, SOCK_DGRAM } from "../ffi/constants.ts";
import type { Kernel } from "../ffi/kernel.ts";

const IFREQ_SIZE = 40, FLAGS = 16;

/** Sets `lo` up in the network namespace that the kernel's process is in. */
export function bringLoopbackUp(k: Kernel): void {
  k.during("bring the loopback interface up", () => {
    const request = k.buffer(IFREQ_SIZE);
    request.bytes.set([0x6c, 0x6f]); // "lo"
    request.memory.view.setUint16(
      request.address - request.memory.base + FLAGS,
      IFF_UP | IFF_RUNNING,
      true,
    );
    const socket = k.call("socket", [AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0]);
    k.call("ioctl", [socket, SIOCSIFFLAGS, request]);
    k.close(socket);
  });
}
