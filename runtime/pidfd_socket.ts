/**
 * `--pidfd-socket`: the caller gets a descriptor of the container's process, which no other process can take over
 * as it can a pid.
 *
 * Sources: pidfd_open(2), unix(7).
 * @module
 */

import type { LocalKernel } from "../ffi/local.ts";
import { sendDescriptors } from "./unix_socket.ts";

/** What the message says of the process, in runc's words: a container's init, or one that `exec` added. */
export type PidfdKind = "standard" | "setns";

/**
 * Sends a pidfd over a connection of its own.
 *
 * @param path Absolute path of the socket that the caller listens on.
 * @param pid A process that has not been waited for.
 * @throws {OperationError} `dial unix <path>: <reason>`
 */
export function sendPidfd(k: LocalKernel, path: string, pid: number, kind: PidfdKind): void {
  const pidfd = k.call("pidfd_open", [pid, 0], { doing: "open a pidfd of the container's process" }).value;
  try {
    sendDescriptors(path, kind, [pidfd]);
  } finally {
    k.close(pidfd);
  }
}
