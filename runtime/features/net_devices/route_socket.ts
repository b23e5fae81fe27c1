/**
 * Questions to the kernel about the network devices of one network namespace: rtnetlink(7).
 * @module
 */

import { makeSocket, receiveInto, sendBytes, trySocketOption } from "../../../ffi/sockets.ts";
import * as c from "../../../ffi/constants.ts";
import { EBUSY, EEXIST, ENODEV, strerror } from "../../../ffi/errno.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import * as n from "../../../ffi/structs_netlink.ts";

/** Room for one datagram: the kernel sends at most 32 KiB of a dump at once. */
const DATAGRAM = 32768;
/** How often a dump is begun anew when the devices change while it is made. */
const DUMP_TRIES = 10;
const MSG_TRUNC = 0x20;

/** A question that the kernel refused: what was being done and why, with the kernel's own words where it has some. */
export class RouteError extends Error {
  override name = "RouteError";

  constructor(doing: string, readonly errno: number, text: string) {
    super(`${doing}: ${strerror(errno)}${text && ` (${text})`}`);
  }
}

/** What is asked of the kernel. */
interface Question {
  /** For error messages. */
  doing: string;
  type: number;
  flags?: number;
  body: Uint8Array;
  attributes?: readonly n.Attribute[];
}

/** A socket of one network namespace: that of the thread which opened it. */
export class RouteSocket {
  readonly #k: Kernel;
  readonly #fd: number;
  #sequence = 0;

  /** Opens a socket in the network namespace that the kernel's thread is in. */
  constructor(k: Kernel) {
    this.#k = k;
    const doing = "open a socket for network devices";
    this.#fd = makeSocket(k, [c.AF_NETLINK, c.SOCK_RAW, n.NETLINK_ROUTE], { doing });
    for (const option of [n.NETLINK_CAP_ACK, n.NETLINK_EXT_ACK]) {
      trySocketOption(k, this.#fd, [n.SOL_NETLINK, option, 1]);
    }
  }

  /** The device of that name; undefined where there is none. */
  linkNamed(name: string): n.Link | undefined {
    return this.#link(
      n.linkBody(0),
      [[n.IFLA_IFNAME, n.stringValue(name)]],
      `look for network device ${name}`,
    );
  }

  /** The device of that index; undefined where there is none. */
  linkAt(index: number): n.Link | undefined {
    return this.#link(n.linkBody(index), [], `look for network device number ${index}`);
  }

  #link(body: Uint8Array, attributes: readonly n.Attribute[], doing: string): n.Link | undefined {
    try {
      return n.decodeLink(this.#ask({ doing, type: n.RTM_GETLINK, body, attributes })[0]);
    } catch (error) {
      if (error instanceof RouteError && error.errno === ENODEV) return undefined;
      throw error;
    }
  }

  /** All devices. */
  links(): n.Link[] {
    const doing = "list network devices";
    return this.#dump({ doing, type: n.RTM_GETLINK, body: n.linkBody(0) }, n.RTM_NEWLINK).map(n.decodeLink);
  }

  /** The addresses of the device of that index, of every family. */
  addresses(index: number): n.Address[] {
    const body = n.addressBody({ family: 0, prefix: 0, flags: 0, scope: 0, index: 0 });
    const question = { doing: "list network addresses", type: n.RTM_GETADDR, body };
    return this.#dump(question, n.RTM_NEWADDR)
      .map(n.decodeAddress).filter((address) => address.index === index);
  }

  /**
   * Moves a device to another network namespace, where it gets a name and an index.
   *
   * @param namespace Descriptor of the other namespace.
   * @returns Whether it was moved; false: the index is in use there.
   * @throws {RouteError} What the kernel has against it.
   */
  moveLink(index: number, namespace: number, name: string, newIndex: number): boolean {
    const attributes: n.Attribute[] = [
      [n.IFLA_IFNAME, n.stringValue(name)],
      [n.IFLA_NET_NS_FD, n.wordValue(namespace)],
      [n.IFLA_NEW_IFINDEX, n.wordValue(newIndex)],
    ];
    try {
      this.#ask({
        doing: "change its network namespace",
        type: n.RTM_NEWLINK,
        body: n.linkBody(index),
        attributes,
      });
      return true;
    } catch (error) {
      if (error instanceof RouteError && error.errno === EBUSY && this.linkAt(index)) return false;
      throw error;
    }
  }

  /** Lets a device send and receive. */
  setUp(index: number): void {
    this.#ask({ doing: "set it up", type: n.RTM_NEWLINK, body: n.linkBody(index, c.IFF_UP, c.IFF_UP) });
  }

  /** Gives a device an address, or leaves it the one that it has already. */
  addAddress(address: n.Address, shown: string): void {
    try {
      this.#ask({
        doing: `give it the address ${shown}`,
        type: n.RTM_NEWADDR,
        flags: n.NLM_F_CREATE | n.NLM_F_EXCL,
        body: n.addressBody(address),
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

  /** The messages of type `wanted` in a dump that nothing disturbed. */
  #dump(question: Question, wanted: number): n.Message[] {
    for (let tries = 0; tries < DUMP_TRIES; tries++) {
      const messages = this.#ask({ ...question, flags: n.NLM_F_DUMP });
      if (messages.some(({ flags }) => flags & n.NLM_F_DUMP_INTR)) continue;
      return messages.filter(({ type }) => type === wanted);
    }
    throw new Error(`${question.doing}: they keep changing`);
  }

  /** Sends a request and reads its answers, the last one included. */
  #ask({ doing, type, flags = 0, body, attributes }: Question): n.Message[] {
    const sequence = ++this.#sequence;
    const dump = (flags & n.NLM_F_DUMP) === n.NLM_F_DUMP;
    const all = flags | n.NLM_F_REQUEST | (dump ? 0 : n.NLM_F_ACK);
    const bytes = n.encodeRequest({ type, flags: all, sequence, body, attributes });
    sendBytes(this.#k, this.#fd, bytes, { doing });
    const answers: n.Message[] = [];
    for (;;) {
      for (const message of this.#receive(doing)) {
        // Of a question that failed halfway.
        if (message.sequence !== sequence) continue;
        answers.push(message);
        if (message.type !== n.NLMSG_ERROR && message.type !== n.NLMSG_DONE) continue;
        const { errno, text } = n.decodeAnswer(message);
        if (errno !== 0) throw new RouteError(doing, errno, text);
        return answers;
      }
    }
  }

  #receive(doing: string): n.Message[] {
    const { memory } = this.#k, top = memory.top;
    try {
      const buffer = this.#k.buffer(DATAGRAM);
      const length = receiveInto(this.#k, this.#fd, buffer, MSG_TRUNC, { doing });
      if (length > DATAGRAM) throw new Error(`${doing}: the kernel's answer has ${length} bytes`);
      return n.decodeMessages(buffer.bytes.slice(0, length));
    } finally {
      memory.release(top);
    }
  }
}
