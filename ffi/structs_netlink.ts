/**
 * Messages of rtnetlink: network devices and their addresses.
 *
 * Sources: netlink(7), rtnetlink(7), include/uapi/linux/{netlink,rtnetlink,if_link,if_addr}.h. All words are
 * in the byte order of the machine, which is little-endian on both architectures that tsrun runs on.
 * @module
 */

import { words32 } from "./structs.ts";

// netlink.h
export const NETLINK_ROUTE = 0, SOL_NETLINK = 270, NETLINK_CAP_ACK = 10, NETLINK_EXT_ACK = 11;
export const NLM_F_REQUEST = 1, NLM_F_ACK = 4, NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300, NLM_F_EXCL = 0x200, NLM_F_CREATE = 0x400;
export const NLMSG_ERROR = 2, NLMSG_DONE = 3;
const NLM_F_CAPPED = 0x100, NLM_F_ACK_TLVS = 0x200, NLMSGERR_ATTR_MSG = 1;

// rtnetlink.h, if_link.h, if_addr.h
export const RTM_NEWLINK = 16, RTM_GETLINK = 18, RTM_NEWADDR = 20, RTM_GETADDR = 22;
export const IFLA_IFNAME = 3, IFLA_NET_NS_FD = 28, IFLA_NEW_IFINDEX = 49;
export const IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_LABEL = 3, IFA_BROADCAST = 4, IFA_CACHEINFO = 6;
export const IFA_FLAGS = 8, IFA_RT_PRIORITY = 9;
export const IFA_F_PERMANENT = 0x80, RT_SCOPE_UNIVERSE = 0, RT_SCOPE_LINK = 253;

/** Bytes of `struct nlmsghdr`, `struct nlattr`, `struct ifinfomsg` and `struct ifaddrmsg`. */
const HEADER = 16, ATTRIBUTE = 4, LINK = 16, ADDRESS = 8;
/** The bits of an attribute's type that are the type. The others say how the value is to be read. */
const TYPE_MASK = 0x3fff;

/** An attribute: its type and its value. */
export type Attribute = readonly [type: number, value: Uint8Array];

/** A message to send. */
export interface Request {
  /** `RTM_*`, `NLM_F_*`, and a number that the answers repeat. */
  type: number;
  flags: number;
  sequence: number;
  /** The family's fixed part, as made by {@linkcode linkBody} or {@linkcode addressBody}. */
  body: Uint8Array;
  attributes?: readonly Attribute[];
}

/** A message that came. */
export interface Message {
  type: number;
  flags: number;
  sequence: number;
  payload: Uint8Array;
}

/** A network device, as RTM_NEWLINK describes it. */
export interface Link {
  index: number;
  /** `IFF_*` of netdevice(7). */
  flags: number;
  name: string;
}

/** An address of a network device, as RTM_NEWADDR describes it. */
export interface Address {
  /** `AF_INET` or `AF_INET6`. */
  family: number;
  /** Bits of the network's part. */
  prefix: number;
  /** `IFA_F_*`. */
  flags: number;
  /** `RT_SCOPE_*`. */
  scope: number;
  /** Index of its device. */
  index: number;
  attributes: ReadonlyMap<number, Uint8Array>;
}

/** The length, rounded up to where the next message or attribute may begin. */
const aligned = (length: number) => (length + 3) & ~3;

/** Whole message: header, body, attributes. */
export function encodeRequest({ type, flags, sequence, body, attributes = [] }: Request): Uint8Array {
  const size = attributes.reduce(
    (sum, [, value]) => sum + aligned(ATTRIBUTE + value.length),
    HEADER + aligned(body.length),
  );
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, size, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(body, HEADER);
  let at = HEADER + aligned(body.length);
  for (const [type, value] of attributes) {
    view.setUint16(at, ATTRIBUTE + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + ATTRIBUTE);
    at += aligned(ATTRIBUTE + value.length);
  }
  return bytes;
}

/**
 * `struct ifinfomsg` of any family: the index of a device (0 where an attribute names it), and flags to
 * change.
 */
export function linkBody(index: number, flags = 0, change = 0): Uint8Array {
  return words32(0, index, flags, change);
}

/** `struct ifaddrmsg`. */
export function addressBody(
  { family, prefix, flags, scope, index }: Omit<Address, "attributes">,
): Uint8Array {
  return words32(family | prefix << 8 | (flags & 0xff) << 16 | scope << 24, index);
}

/** Value of an attribute that is a 32-bit word. */
export function wordValue(word: number): Uint8Array {
  return words32(word);
}

/** Value of an attribute that is a C string. */
export function stringValue(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** The text of an attribute that is a C string; empty without one. */
export function attributeText(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value).replace(/\0.*$/s, "");
}

/** The number of an attribute that is a 32-bit word; 0 without one. */
export function attributeWord(value: Uint8Array | undefined): number {
  return value === undefined
    ? 0
    : new DataView(value.buffer, value.byteOffset, value.length).getUint32(0, true);
}

/** The messages of one datagram. */
export function decodeMessages(bytes: Uint8Array): Message[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const messages: Message[] = [];
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) {
      throw new RangeError(`netlink: a message of ${length} bytes in a datagram of ${bytes.length}`);
    }
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.slice(at + HEADER, at + length),
    });
    at += aligned(length);
  }
  return messages;
}

/** The attributes of a message behind its fixed part, by type. */
export function decodeAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const attributes = new Map<number, Uint8Array>();
  for (let at = 0; at + ATTRIBUTE <= bytes.length;) {
    const length = view.getUint16(at, true);
    if (length < ATTRIBUTE || at + length > bytes.length) break;
    attributes.set(view.getUint16(at + 2, true) & TYPE_MASK, bytes.slice(at + ATTRIBUTE, at + length));
    at += aligned(length);
  }
  return attributes;
}

/** The kernel's answer: errno, 0 for success, and its own words where it has some. */
export interface Answer {
  errno: number;
  text: string;
}

/** Reads `NLMSG_ERROR`, or the result in `NLMSG_DONE`, with the text of the extended answer. */
export function decodeAnswer({ type, flags, payload }: Message): Answer {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const errno = payload.length >= 4 ? -view.getInt32(0, true) : 0;
  if (!(flags & NLM_F_ACK_TLVS)) return { errno, text: "" };
  let at = 4;
  // An error repeats the request: all of it, unless the answer is capped to the header.
  if (type === NLMSG_ERROR) at += flags & NLM_F_CAPPED ? HEADER : aligned(view.getUint32(4, true));
  return { errno, text: attributeText(decodeAttributes(payload.subarray(at)).get(NLMSGERR_ATTR_MSG)) };
}

/** Reads the device out of RTM_NEWLINK. */
export function decodeLink({ payload }: Message): Link {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  return {
    index: view.getInt32(4, true),
    flags: view.getUint32(8, true),
    name: attributeText(decodeAttributes(payload.subarray(LINK)).get(IFLA_IFNAME)),
  };
}

/** Reads the address out of RTM_NEWADDR. */
export function decodeAddress({ payload }: Message): Address {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const attributes = decodeAttributes(payload.subarray(ADDRESS));
  const flags = attributes.get(IFA_FLAGS);
  return {
    family: payload[0],
    prefix: payload[1],
    // The body has room for eight flags only.
    flags: flags ? attributeWord(flags) : payload[2],
    scope: payload[3],
    index: view.getUint32(4, true),
    attributes,
  };
}
