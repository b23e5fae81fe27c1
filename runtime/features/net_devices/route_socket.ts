/**
 * Asks the kernel about the network devices of one network namespace: rtnetlink(7).
 * @module
 */

import { makeSocket, receiveInto, sendBytes, trySocketOption } from "../../../ffi/sockets.ts";
import { AF_NETLINK, IFF_UP, MSG_TRUNC, SOCK_RAW } from "../../../ffi/constants.ts";
import { EBUSY, EEXIST, ENODEV, strerror } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import {
  type Address,
  addressBody,
  type Attribute,
  decodeAddress,
  decodeAnswer,
  decodeLink,
  decodeMessages,
  encodeRequest,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  IFLA_NEW_IFINDEX,
  type Link,
  linkBody,
  type Message,
  NETLINK_CAP_ACK,
  NETLINK_EXT_ACK,
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  SOL_NETLINK,
  stringValue,
  wordValue,
} from "../../../ffi/structs_netlink.ts";

/** Bytes for one datagram: the kernel sends at most 32 KiB of a dump at once. */
const DATAGRAM = 32768;
/** How often a dump is begun again when devices change during it. */
const DUMP_TRIES = 10;

/**
 * A request that the kernel refused: the step and the reason, with the kernel's own words where it has some.
 */
export class RouteError extends Error {
  override name = "RouteError";

  constructor(doing: string, readonly errno: number, text: string) {
    super(`${doing}: ${strerror(errno)}${text && ` (${text})`}`);
  }
}

/** A request to the kernel. */
interface Question {
  /** The step, for error messages. */
  doing: string;
  type: number;
  flags?: number;
  body: Uint8Array;
  attributes?: readonly Attribute[];
}

/** A socket of one network namespace: that of the thread that opened it. */
export class RouteSocket {
  readonly #k: Kernel;
  readonly #fd: number;
  #sequence = 0;

  /** Opens a socket in the network namespace that the kernel's thread is in. */
  constructor(k: Kernel) {
    this.#k = k;
    const doing = "open a socket for network devices";
    this.#fd = makeSocket(k, [AF_NETLINK, SOCK_RAW, NETLINK_ROUTE], { doing });
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK]) {
      trySocketOption(k, this.#fd, [SOL_NETLINK, option, 1]);
    }
  }

  /** The device of that name; undefined where there is none. */
  linkNamed(name: string): Link | undefined {
    return this.#link(
      linkBody(0),
      [[IFLA_IFNAME, stringValue(name)]],
      `look for network device ${name}`,
    );
  }

  /** The device of that index; undefined where there is none. */
  linkAt(index: number): Link | undefined {
    return this.#link(linkBody(index), [], `look for network device number ${index}`);
  }

  #link(body: Uint8Array, attributes: readonly Attribute[], doing: string): Link | undefined {
    try {
      return decodeLink(this.#ask({ doing, type: RTM_GETLINK, body, attributes })[0]);
    } catch (error) {
      if (error instanceof RouteError && error.errno === ENODEV) return undefined;
      throw error;
    }
  }

  /** All devices. */
  links(): Link[] {
    const doing = "list network devices";
    return this.#dump({ doing, type: RTM_GETLINK, body: linkBody(0) }, RTM_NEWLINK).map(decodeLink);
  }

  /** The addresses of the device of that index, of every family. */
  addresses(index: number): Address[] {
    const body = addressBody({ family: 0, prefix: 0, flags: 0, scope: 0, index: 0 });
    const question = { doing: "list network addresses", type: RTM_GETADDR, body };
    return this.#dump(question, RTM_NEWADDR)
      .map(decodeAddress).filter((address) => address.index === index);
  }

  /**
   * Moves a device to another network namespace, where it gets a name and an index.
   *
   * @param namespace Descriptor of the other namespace.
   * @returns Whether it was moved. False: the index is in use there.
   * @throws {RouteError} When the kernel refuses.
   */
  moveLink(index: number, namespace: number, name: string, newIndex: number): boolean {
    const attributes: Attribute[] = [
      [IFLA_IFNAME, stringValue(name)],
      [IFLA_NET_NS_FD, wordValue(namespace)],
      [IFLA_NEW_IFINDEX, wordValue(newIndex)],
    ];
    try {
      this.#ask({
        doing: "change its network namespace",
        type: RTM_NEWLINK,
        body: linkBody(index),
        attributes,
      });
      return true;
    } catch (error) {
      if (error instanceof RouteError && error.errno === EBUSY && this.linkAt(index)) return false;
      throw error;
    }
  }

  /** Sets a device up. */
  setUp(index: number): void {
    this.#ask({ doing: "set it up", type: RTM_NEWLINK, body: linkBody(index, IFF_UP, IFF_UP) });
  }

  /** Gives a device an address. An address that it has already stays. */
  addAddress(address: Address, shown: string): void {
    try {
      this.#ask({
        doing: `give it the address ${shown}`,
        type: RTM_NEWADDR,
        flags: NLM_F_CREATE | NLM_F_EXCL,
        body: addressBody(address),
        attributes: [...address.attributes],
      });
    } catch (error) {
      if (!(error instanceof RouteError && error.errno === EEXIST)) throw error;
    }
  }

  /** Closes the socket. */
  close(): void {
    this.#k.close(this.#fd);
  }

  /** The messages of type `wanted` in a dump that nothing has disturbed. */
  #dump(question: Question, wanted: number): Message[] {
    for (let tries = 0; tries < DUMP_TRIES; tries++) {
      const messages = this.#ask({ ...question, flags: NLM_F_DUMP });
      if (messages.some(({ flags }) => flags & NLM_F_DUMP_INTR)) continue;
      return messages.filter(({ type }) => type === wanted);
    }
    throw new RuntimeError("EIO_NET_DEVICE", `${question.doing}: they keep changing`);
  }

  /** Sends a request, and reads all answers to it. */
  #ask({ doing, type, flags = 0, body, attributes }: Question): Message[] {
    const sequence = ++this.#sequence;
    const dump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    const all = flags | NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK);
    const bytes = encodeRequest({ type, flags: all, sequence, body, attributes });
    sendBytes(this.#k, this.#fd, bytes, { doing });
    const answers: Message[] = [];
    for (;;) {
      for (const message of this.#receive(doing)) {
        // An answer to an earlier request that failed halfway.
        if (message.sequence !== sequence) continue;
        answers.push(message);
        if (message.type !== NLMSG_ERROR && message.type !== NLMSG_DONE) continue;
        const { errno, text } = decodeAnswer(message);
        if (errno !== 0) throw new RouteError(doing, errno, text);
        return answers;
      }
    }
  }

  #receive(doing: string): Message[] {
    const { memory } = this.#k, top = memory.top;
    try {
      const buffer = this.#k.buffer(DATAGRAM);
      const length = receiveInto(this.#k, this.#fd, buffer, MSG_TRUNC, { doing });
      if (length > DATAGRAM) {
        throw new RuntimeError("EIO_NET_DEVICE", `${doing}: the kernel's answer has ${length} bytes`);
      }
      return decodeMessages(buffer.bytes.slice(0, length));
    } finally {
      memory.release(top);
    }
  }
}
