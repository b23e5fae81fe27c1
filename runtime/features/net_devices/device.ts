/**
 * One network device: its facts on the host, and those that it keeps in the container.
 *
 * The kernel keeps hardware address, MTU and the rest of the device. A device loses addresses and routes when
 * it changes its network namespace, and is down then.
 * @module
 */

import { AF_INET, IFF_UP } from "../../../ffi/constants.ts";
import {
  type Address,
  IFA_ADDRESS,
  IFA_BROADCAST,
  IFA_CACHEINFO,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFA_LABEL,
  IFA_LOCAL,
  IFA_RT_PRIORITY,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
} from "../../../ffi/structs_netlink.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { RouteSocket } from "./route_socket.ts";

/** A device before it was moved. */
export interface HostDevice {
  index: number;
  name: string;
  up: boolean;
  addresses: readonly Address[];
}

/**
 * Reads the facts of a device of the host.
 *
 * @throws {RuntimeError} Where there is none of that name.
 */
export function readDevice(host: RouteSocket, name: string): HostDevice {
  const link = host.linkNamed(name);
  if (!link) {
    throw new RuntimeError("EIO_NET_DEVICE", `link not found for interface ${name} on runtime namespace`);
  }
  return {
    index: link.index,
    name: link.name,
    up: (link.flags & IFF_UP) !== 0,
    addresses: host.addresses(link.index),
  };
}

/**
 * Attributes of an address that go to the container. The label does not, because it begins with the device's
 * name.
 */
const KEPT: readonly number[] = [IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST];

/** The addresses that a device keeps in the container: permanent ones of global scope, config-linux.md. */
export function planContainerAddresses(device: HostDevice, index: number): Address[] {
  return device.addresses
    .filter(({ flags, scope }) => flags & IFA_F_PERMANENT && scope === RT_SCOPE_UNIVERSE)
    .map((address) => ({
      ...address,
      index,
      flags: IFA_F_PERMANENT,
      attributes: new Map([...address.attributes].filter(([type]) => KEPT.includes(type))),
    }));
}

/**
 * Attributes of an address that are restored. The kernel sets the others itself, such as the times of change.
 */
const RESTORED: readonly number[] = [
  ...KEPT,
  IFA_LABEL,
  IFA_FLAGS,
  IFA_CACHEINFO,
  IFA_RT_PRIORITY,
];

/**
 * The addresses that a device gets back on the host: all except IPv6 addresses that the kernel or a router
 * assigns.
 */
export function planHostAddresses(device: HostDevice): Address[] {
  return device.addresses
    .filter(({ family, flags, scope }) =>
      family === AF_INET || flags & IFA_F_PERMANENT && scope !== RT_SCOPE_LINK
    )
    .map((address) => ({
      ...address,
      attributes: new Map([...address.attributes].filter(([type]) => RESTORED.includes(type))),
    }));
}

/** An address in the usual notation, with the size of its network: `192.0.2.1/24`. */
export function showAddress({ family, prefix, attributes }: Address): string {
  const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS) ?? new Uint8Array();
  if (family === AF_INET) return `${bytes.join(".")}/${prefix}`;
  const groups = Array.from({ length: bytes.length / 2 }, (_, i) => bytes[2 * i] << 8 | bytes[2 * i + 1]);
  return `${groups.map((group) => group.toString(16)).join(":")}/${prefix}`;
}

/** Whether the kernel makes a name of its own from this one. */
export function isTemplate(name: string): boolean {
  return name.includes("%d");
}

/**
 * Moves a device to another network namespace, under a name and an index that are free there.
 *
 * @param from A socket of the device's namespace, and `to` one of the other, which is open as `namespace`.
 * @param index Its index here. It keeps the index where that is free.
 * @param wanted Called with each index before it is tried.
 * @throws {RuntimeError} When the name is in use there, or the kernel refuses.
 */
export function moveDevice(
  { from, to, namespace }: { from: RouteSocket; to: RouteSocket; namespace: number },
  index: number,
  name: string,
  wanted: (index: number) => void,
): void {
  if (!isTemplate(name) && to.linkNamed(name)) {
    throw new RuntimeError(
      "EIO_NET_DEVICE",
      `network device ${JSON.stringify(name)}: file exists in the other network namespace`,
    );
  }
  let there = index;
  // Other processes may make devices there at the same time.
  for (let tries = 0; tries < INDEX_TRIES; tries++) {
    if (to.linkAt(there)) there = Math.max(...to.links().map((link) => link.index)) + 1;
    wanted(there);
    if (from.moveLink(index, namespace, name, there)) return;
  }
  throw new RuntimeError(
    "EIO_NET_DEVICE",
    "the other network namespace has no index for it: its devices keep changing",
  );
}

const INDEX_TRIES = 10;
