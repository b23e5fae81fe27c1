/**
 * What goes to sockets, as text: addresses of unix sockets, and requests of rtnetlink(7).
 * @module
 */

import { AF_INET, AF_UNIX } from "../constants.ts";
import {
  attributeText,
  attributeWord,
  decodeAttributes,
  decodeMessages,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_LOCAL,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  IFLA_NEW_IFINDEX,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
} from "../structs_netlink.ts";

/** The path of `struct sockaddr_un`, `@name` for an abstract one; undefined for another address. */
export function unixPath(address: Uint8Array): string | undefined {
  const [low, high, first] = address;
  if (address.length < 3 || low + (high << 8) !== AF_UNIX) return undefined;
  const text = new TextDecoder();
  if (first === 0) return `@${text.decode(address.subarray(3))}`;
  const end = address.indexOf(0, 2);
  return text.decode(address.subarray(2, end < 0 ? undefined : end));
}

const TYPES: Readonly<Record<number, string>> = {
  [RTM_NEWLINK]: "RTM_NEWLINK",
  [RTM_GETLINK]: "RTM_GETLINK",
  [RTM_NEWADDR]: "RTM_NEWADDR",
  [RTM_GETADDR]: "RTM_GETADDR",
};

/** Attributes that are told: names, and whether they are a text, a number, or the address of an interface. */
const OF_LINKS: Readonly<Record<number, readonly [name: string, kind: "text" | "word"]>> = {
  [IFLA_IFNAME]: ["IFLA_IFNAME", "text"],
  [IFLA_NET_NS_FD]: ["IFLA_NET_NS_FD", "word"],
  [IFLA_NEW_IFINDEX]: ["IFLA_NEW_IFINDEX", "word"],
};
const OF_ADDRESSES: Readonly<Record<number, string>> = {
  [IFA_ADDRESS]: "IFA_ADDRESS",
  [IFA_LOCAL]: "IFA_LOCAL",
  [IFA_BROADCAST]: "IFA_BROADCAST",
};

/** Bytes of `struct ifinfomsg` and `struct ifaddrmsg`. */
const LINK_BODY = 16, ADDRESS_BODY = 8;

/**
 * A request of rtnetlink(7) as text: `{RTM_NEWLINK, index=5, IFLA_IFNAME="eth0", IFLA_NET_NS_FD=7}`.
 *
 * @returns Undefined for bytes that are none.
 */
export function requestText(bytes: Uint8Array): string | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < 24 || view.getUint32(0, true) !== bytes.length) return undefined;
  const [{ type, payload }] = decodeMessages(bytes), name = TYPES[type];
  if (name === undefined) return undefined;
  const ofAddress = type === RTM_NEWADDR || type === RTM_GETADDR;
  const body = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const attributes = decodeAttributes(payload.subarray(ofAddress ? ADDRESS_BODY : LINK_BODY));
  const index = body.getInt32(4, true), shown = index === 0 ? [name] : [name, `index=${index}`];
  if (!ofAddress && payload.length >= LINK_BODY && body.getUint32(12, true) !== 0) {
    shown.push(`flags=${body.getUint32(8, true) & 1 ? "IFF_UP" : "0"}`);
  }
  if (ofAddress && payload[1] !== 0) shown.push(`prefix=${payload[1]}`);
  for (const [type, value] of attributes) {
    const text = ofAddress ? addressText(type, payload[0], value) : linkText(type, value);
    if (text !== undefined) shown.push(text);
  }
  return `{${shown.join(", ")}}`;
}

function linkText(type: number, value: Uint8Array): string | undefined {
  if (OF_LINKS[type] === undefined) return undefined;
  const [name, kind] = OF_LINKS[type];
  const text = kind === "text" ? JSON.stringify(attributeText(value)) : String(attributeWord(value));
  return `${name}=${text}`;
}

function addressText(type: number, family: number, value: Uint8Array): string | undefined {
  if (OF_ADDRESSES[type] === undefined) return undefined;
  const groups = Array.from(
    { length: value.length / 2 },
    (_, i) => (value[2 * i] << 8 | value[2 * i + 1]).toString(16),
  );
  return `${OF_ADDRESSES[type]}=${family === AF_INET ? value.join(".") : groups.join(":")}`;
}
