/**
 * rtnetlink(7) in a dry run. What only asks about the host's devices is answered by the host; a network
 * namespace that would have been made has its loopback device, and what would have been moved into it.
 * @module
 */

import { ENODEV } from "../../../ffi/errno.ts";
import { words32 } from "../../../ffi/structs.ts";
import {
  attributeWord,
  decodeAttributes,
  decodeLink,
  decodeMessages,
  encodeRequest,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  IFLA_NEW_IFINDEX,
  linkBody,
  type Message,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_GETLINK,
  RTM_NEWLINK,
  stringValue,
} from "../../../ffi/structs_netlink.ts";

/** Bytes of `struct ifinfomsg`. */
const LINK_BODY = 16;

interface Device {
  index: number;
  name: string;
}

/** A device's name and the other facts that a request has about it. */
function askedFor(message: Message): Device & { newIndex: number; moves: boolean } {
  const attributes = decodeAttributes(message.payload.subarray(LINK_BODY));
  return {
    ...decodeLink(message),
    newIndex: attributeWord(attributes.get(IFLA_NEW_IFINDEX)),
    moves: attributes.has(IFLA_NET_NS_FD),
  };
}

/** The devices of a container that would have been made. */
export class DryRoutes {
  readonly #devices: Device[] = [{ index: 1, name: "lo" }];

  /**
   * The answer to a request.
   *
   * @param inside Whether it is asked in the container's network namespace.
   * @returns Undefined where the host's kernel can be asked: nothing is changed by it.
   */
  answer(request: Uint8Array, inside: boolean): Uint8Array | undefined {
    const [message] = decodeMessages(request), { type, sequence } = message;
    if (type === RTM_GETLINK && inside) return this.#tell(message);
    if (!inside && type % 4 === RTM_GETLINK % 4) return undefined;
    if (type === RTM_NEWLINK) {
      const { name, newIndex, moves } = askedFor(message);
      if (moves) this.#devices.push({ index: newIndex, name });
    }
    return done(NLMSG_ERROR, sequence, 0);
  }

  #tell(message: Message): Uint8Array {
    const { flags, sequence } = message, { index, name } = askedFor(message);
    const dump = (flags & NLM_F_DUMP) === NLM_F_DUMP;
    const found = this.#devices.filter((it) => dump || (index === 0 ? it.name === name : it.index === index));
    if (found.length === 0) return done(NLMSG_ERROR, sequence, ENODEV);
    const links = found.map(({ index, name }) => {
      const attributes = [[IFLA_IFNAME, stringValue(name)]] as const;
      return encodeRequest({ type: RTM_NEWLINK, flags: 0, sequence, body: linkBody(index), attributes });
    });
    return joined([...links, done(dump ? NLMSG_DONE : NLMSG_ERROR, sequence, 0)]);
  }
}

/** The end of an answer: an errno, and room for the header of the request. */
function done(type: number, sequence: number, errno: number): Uint8Array {
  return encodeRequest({ type, flags: 0, sequence, body: words32(-errno, 0, 0, 0, 0) });
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
