/**
 * A host with network devices, for tests: answers the calls of a dry kernel as rtnetlink(7) would.
 * @module
 */

import { DryKernel } from "../../../ffi/dry.ts";
import { EBUSY, EEXIST, ENODEV } from "../../../ffi/errno.ts";
import type { Arg } from "../../../ffi/kernel.ts";
import type { Buffer } from "../../../ffi/memory.ts";
import { words32 } from "../../../ffi/structs.ts";
import {
  type Address,
  addressBody,
  decodeAddress,
  decodeAttributes,
  decodeLink,
  decodeMessages,
  encodeRequest,
  IFA_ADDRESS,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  IFLA_NEW_IFINDEX,
  linkBody,
  type Message,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  stringValue,
} from "../../../ffi/structs_netlink.ts";

/** A device. An address is the part of its message that follows the index. */
export interface FakeDevice {
  index: number;
  name: string;
  up: boolean;
  addresses: Address[];
}

/** Decides whether the kernel refuses a request, and how. */
export type Refuse = (request: Message) => { errno: number; text: string } | undefined;

/** Descriptor of the container's network namespace. The first descriptor that is opened is the host's own. */
export const THEIRS = 50;

/** Two network namespaces, `host` and `container`, and the kernel between them. */
export class FakeRoutes {
  readonly host: FakeDevice[] = [];
  readonly container: FakeDevice[] = [];
  readonly kernel: DryKernel;
  /** The number of dumps that are disturbed before one succeeds. */
  disturbances = 0;
  #own = 0;
  #inside = false;
  #sockets = new Map<number, FakeDevice[]>();
  #next = 100;
  #answers: Uint8Array[] = [];

  /** @param refuse Which requests fail. */
  constructor(readonly refuse: Refuse = () => undefined) {
    this.kernel = new DryKernel((name, args) => this.#call(name, args));
  }

  #call(name: string, args: readonly Arg[]): number | undefined {
    switch (name) {
      case "openat":
        return this.#own = this.#next++;
      case "statx": {
        const { view, base } = (args[4] as Buffer).memory;
        view.setUint32((args[4] as Buffer).address - base + 32, args[0] === THEIRS ? 2 : 1, true);
        return 0;
      }
      case "setns":
        this.#inside = args[0] !== this.#own;
        return 0;
      case "socket":
        this.#sockets.set(this.#next, this.#inside ? this.container : this.host);
        return this.#next++;
      case "sendto": {
        const [request] = decodeMessages(args[1] as Uint8Array);
        this.#answers.push(this.#answer(this.#sockets.get(args[0] as number)!, request));
        return 0;
      }
      case "recvfrom": {
        const answer = this.#answers.shift()!;
        (args[1] as Buffer).bytes.set(answer);
        return answer.length;
      }
      default:
        return undefined;
    }
  }

  #answer(here: FakeDevice[], request: Message): Uint8Array {
    const refused = this.refuse(request) ?? this.#act(here, request);
    if (Array.isArray(refused)) {
      const dump = (request.flags & NLM_F_DUMP) === NLM_F_DUMP;
      const disturbed = dump && this.disturbances-- > 0 ? NLM_F_DUMP_INTR : 0;
      const last = message(
        dump ? NLMSG_DONE : NLMSG_ERROR,
        disturbed,
        request.sequence,
        words32(0, 0, 0, 0, 0),
      );
      return concat([...refused.map((bytes) => withSequence(bytes, request.sequence)), last]);
    }
    // Capped to the request's header, with attributes behind it.
    const payload = concat([words32(-refused.errno, 0, 0, 0, 0), attribute(1, stringValue(refused.text))]);
    return message(NLMSG_ERROR, 0x300, request.sequence, payload);
  }

  #act(here: FakeDevice[], { type, payload }: Message): Uint8Array[] | { errno: number; text: string } {
    const view = new DataView(payload.buffer, payload.byteOffset);
    const index = view.getInt32(4, true);
    if (type === RTM_GETADDR) {
      return here.flatMap((device) => device.addresses.map((it) => addressMessage(it, device.index)));
    }
    if (type === RTM_NEWADDR) {
      return addAddress(here, decodeAddress({ type, flags: 0, sequence: 0, payload }));
    }
    const attributes = decodeAttributes(payload.subarray(16));
    const name = decodeLink({ type, flags: 0, sequence: 0, payload }).name;
    const device = here.find((it) => index ? it.index === index : it.name === name);
    if (type === RTM_GETLINK && !index && !name) return here.map(linkMessage);
    if (!device) return { errno: ENODEV, text: "" };
    if (type === RTM_GETLINK) return [linkMessage(device)];
    if (view.getUint32(12, true) & 1) device.up = (view.getUint32(8, true) & 1) === 1;
    const namespace = attributes.get(IFLA_NET_NS_FD);
    if (!namespace) return [];
    const there = namespace[0] === THEIRS ? this.container : this.host;
    return move(here, there, device, { name, index: attributes.get(IFLA_NEW_IFINDEX)![0] });
  }
}

function move(
  here: FakeDevice[],
  there: FakeDevice[],
  device: FakeDevice,
  { name, index }: { name: string; index: number },
): Uint8Array[] | { errno: number; text: string } {
  if (there.some((it) => it.index === index)) return { errno: EBUSY, text: "" };
  if (there.some((it) => it.name === name)) return { errno: EEXIST, text: "" };
  here.splice(here.indexOf(device), 1);
  there.push({ index, name: name.replace("%d", "0"), up: false, addresses: [] });
  return [];
}

function addAddress(here: FakeDevice[], address: Address): Uint8Array[] | { errno: number; text: string } {
  const device = here.find((it) => it.index === address.index);
  if (!device) return { errno: ENODEV, text: "" };
  const bytes = String(address.attributes.get(IFA_ADDRESS));
  if (device.addresses.some((it) => String(it.attributes.get(IFA_ADDRESS)) === bytes)) {
    return { errno: EEXIST, text: "" };
  }
  device.addresses.push(address);
  return [];
}

function linkMessage({ index, name, up }: FakeDevice): Uint8Array {
  return encodeRequest({
    type: RTM_NEWLINK,
    flags: 0,
    sequence: 0,
    body: linkBody(index, up ? 1 : 0),
    attributes: [[IFLA_IFNAME, stringValue(name)]],
  });
}

function addressMessage(address: Address, index: number): Uint8Array {
  return encodeRequest({
    type: RTM_NEWADDR,
    flags: 0,
    sequence: 0,
    body: addressBody({ ...address, index }),
    attributes: [...address.attributes],
  });
}

function message(type: number, flags: number, sequence: number, payload: Uint8Array): Uint8Array {
  return encodeRequest({ type, flags, sequence, body: payload });
}

function attribute(type: number, value: Uint8Array): Uint8Array {
  return encodeRequest({
    type: 0,
    flags: 0,
    sequence: 0,
    body: new Uint8Array(),
    attributes: [[type, value]],
  })
    .slice(16);
}

function withSequence(bytes: Uint8Array, sequence: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(8, sequence, true);
  return bytes;
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
