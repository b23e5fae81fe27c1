/**
 * `--pidfd-socket`: sends the caller a descriptor of the container's process. Unlike a pid, it never comes to
 * mean another process.
 *
 * Sources: pidfd_open(2), unix(7).
 * @module
 */

import { Descriptor } from "../../ffi/descriptor.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { connectUnix, sendDescriptors, sendMessage } from "../host/unix_socket.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "./feature.ts";

/** `create` sends a pidfd of the init, when everything but `start` is done. */
export function forCreate({ pidfdSocket }: CreateRequest): CreateFeature {
  return { host: { known: (deed) => sendPidfd(deed.k, pidfdSocket!, deed.pid(), "standard") } };
}

/** `exec` sends a pidfd of the process. It connects to the socket before the process exists. */
export function forExec({ pidfdSocket }: ExecRequest): ExecFeature {
  let send: ReturnType<typeof connectForPidfd>;
  return {
    host: {
      connected: ({ k }) => send = connectForPidfd(k, pidfdSocket!),
      running: ({ pid }) => send(pid, "setns"),
    },
  };
}

/** The kind of process in the message, in runc's words: a container's init, or a process of `exec`. */
export type PidfdKind = "standard" | "setns";

/**
 * Sends a pidfd over a connection of its own.
 *
 * @param path Absolute path of the socket that the caller listens on.
 * @param pid A process that has not been waited for.
 * @throws {OperationError} `dial unix <path>: <reason>`
 */
export function sendPidfd(k: LocalKernel, path: string, pid: number, kind: PidfdKind): void {
  using pidfd = new Descriptor(k, openPidfd(k, pid));
  sendDescriptors(k, path, kind, [pidfd.fd]);
}

/**
 * Connects before the process exists, so that none is started where nothing listens.
 *
 * @param path As {@linkcode sendPidfd}.
 * @returns A function that sends the pidfd, once.
 * @throws {OperationError} `dial unix <path>: <reason>`
 */
export function connectForPidfd(k: LocalKernel, path: string): (pid: number, kind: PidfdKind) => void {
  const connected = connectUnix(k, path);
  return (pid, kind) => {
    using socket = new Descriptor(k, connected);
    using pidfd = new Descriptor(k, openPidfd(k, pid));
    sendMessage(k, socket.fd, new TextEncoder().encode(kind), [pidfd.fd], path);
  };
}

function openPidfd(k: LocalKernel, pid: number): number {
  return pidfdOpen(k, pid, { doing: "open a pidfd of the container's process" });
}
