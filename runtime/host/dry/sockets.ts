/**
 * Sockets of tsrun in a dry run: connections to programs that have a stand-in, and rtnetlink(7).
 * @module
 */

import { AF_NETLINK } from "../../../ffi/constants.ts";
import { unixPath } from "../../../ffi/decode/socket_text.ts";
import type { Arg } from "../../../ffi/kernel.ts";
import { Buffer, type Memory } from "../../../ffi/memory.ts";
import { MESSAGE_PIECES } from "../../../ffi/structs_socket.ts";
import type { DryPeer } from "./peers.ts";
import { DryRoutes } from "./routes.ts";

/** One socket. */
interface Socket {
  peer?: DryPeer;
  /** A netlink socket of the container's network namespace, or of the host's. */
  routes?: "container" | "host";
  /** What has come and was not received: datagrams, or pieces of a stream. */
  input: Uint8Array[];
}

/** See the module's description. */
export class DrySockets {
  readonly #sockets = new Map<number, Socket>();
  readonly #routes = new DryRoutes();
  /** Whether tsrun's thread would be in the container's network namespace. */
  inContainer = false;

  /** @param findPeer The stand-in at a path, an errno, or neither. */
  constructor(readonly findPeer: (path: string) => DryPeer | number | undefined) {}

  /** Whether a new socket is one for questions to the host's kernel, and to be made. */
  isReal([domain]: readonly Arg[]): boolean {
    return domain === AF_NETLINK && !this.inContainer;
  }

  /** A socket was made. */
  add(fd: number, [domain]: readonly Arg[]): number {
    const routes = this.inContainer ? "container" : "host";
    this.#sockets.set(fd, { routes: domain === AF_NETLINK ? routes : undefined, input: [] });
    return fd;
  }

  /** connect(2). */
  connect(fd: number, address: Arg): number {
    const path = address instanceof Uint8Array ? unixPath(address) : undefined;
    const peer = path === undefined ? undefined : this.findPeer(path);
    if (typeof peer === "number") return peer;
    this.#sockets.set(fd, { peer, input: [] });
    return 0;
  }

  close(fd: number): void {
    this.#sockets.delete(fd);
  }

  /** A message is sent. @returns Its length; undefined where the host's kernel is to be asked. */
  send(fd: number, bytes: Uint8Array): number | undefined {
    const socket = this.#sockets.get(fd);
    const answer = socket?.routes
      ? this.#routes.answer(bytes, socket.routes === "container")
      : socket?.peer?.take(bytes) ?? new Uint8Array();
    if (answer === undefined) return undefined;
    if (answer.length > 0) socket?.input.push(answer);
    return bytes.length;
  }

  /** Whether something has come. */
  readable(fd: number): boolean {
    return (this.#sockets.get(fd)?.input.length ?? 0) > 0;
  }

  /** What has come; undefined where nothing has. @param into Takes as much as it has room for. */
  receive(fd: number, into: Arg): number | undefined {
    const { input } = this.#sockets.get(fd) ?? {}, bytes = input?.shift();
    if (bytes === undefined || !(into instanceof Buffer)) return undefined;
    const taken = bytes.subarray(0, into.size);
    into.bytes.set(taken);
    if (taken.length < bytes.length) input!.unshift(bytes.subarray(taken.length));
    return taken.length;
  }
}

/** The bytes of a `struct msghdr` with one piece. */
export function messageBytes(memory: Memory, message: number): Uint8Array {
  const piece = memory.getI64(message + MESSAGE_PIECES), start = memory.getI64(piece) - memory.base;
  return memory.bytes.slice(start, start + memory.getI64(piece + 8));
}
