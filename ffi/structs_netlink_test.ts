import { assertEquals, assertThrows } from "@std/assert";
import {
  addressBody,
  decodeAddress,
  decodeAnswer,
  decodeLink,
  decodeMessages,
  encodeRequest,
  IFA_ADDRESS,
  IFA_LABEL,
  IFA_LOCAL,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  linkBody,
  NLM_F_ACK,
  NLM_F_DUMP_INTR,
  NLM_F_REQUEST,
  NLMSG_DONE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  stringValue,
  wordValue,
} from "./structs_netlink.ts";

/** Bytes of a text of hexadecimal numbers. */
function hex(text: string): Uint8Array {
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => parseInt(byte, 16));
}

Deno.test("netlink: a request is as iproute2 sends it", () => {
  // strace -e sendmsg -x: ip link set dev ifb0 netns NS name inner (the index is 2, the descriptor is 5).
  const request = encodeRequest({
    type: RTM_NEWLINK,
    flags: NLM_F_REQUEST | NLM_F_ACK,
    sequence: 7,
    body: linkBody(2),
    attributes: [[IFLA_NET_NS_FD, wordValue(5)], [IFLA_IFNAME, stringValue("inner")]],
  });
  assertEquals(
    request,
    hex(`
      34 00 00 00 10 00 05 00 07 00 00 00 00 00 00 00
      00 00 00 00 02 00 00 00 00 00 00 00 00 00 00 00
      08 00 1c 00 05 00 00 00
      0a 00 03 00 69 6e 6e 65 72 00 00 00
    `),
  );
});

Deno.test("netlink: a device is set up by its flag and the mask of flags to change", () => {
  assertEquals(linkBody(3, 1, 1), hex("00 00 00 00 03 00 00 00 01 00 00 00 01 00 00 00"));
});

Deno.test("netlink: an address has its family, prefix, flags and scope in a byte each", () => {
  const body = addressBody({ family: 10, prefix: 64, flags: 0x280, scope: 253, index: 9 });
  assertEquals(body, hex("0a 40 80 fd 09 00 00 00"));
});

/** RTM_NEWADDR of 192.0.2.1/24 on device 4. */
const NEW_ADDRESS = `
  34 00 00 00 14 00 02 00 05 00 00 00 01 00 00 00
  02 18 80 00 04 00 00 00
  08 00 01 00 c0 00 02 01
  08 00 02 00 c0 00 02 01
  09 00 03 00 65 74 68 30 00 00 00 00
`;

Deno.test("netlink: the messages of a datagram, padded between", () => {
  const [first, second, ...others] = decodeMessages(
    hex(`
      ${NEW_ADDRESS}
      14 00 00 00 03 00 12 00 05 00 00 00 01 00 00 00 00 00 00 00
    `),
  );
  assertEquals([first.type, first.flags, first.sequence], [RTM_NEWADDR, 2, 5]);
  assertEquals([second.type, second.flags & NLM_F_DUMP_INTR], [NLMSG_DONE, NLM_F_DUMP_INTR]);
  assertEquals(others, []);
});

Deno.test("netlink: a message that is longer than its datagram is an error", () => {
  assertThrows(() => decodeMessages(hex(NEW_ADDRESS).subarray(0, 40)), RangeError);
});

Deno.test("netlink: an address, with the flags that have no room in its body", () => {
  const [message] = decodeMessages(hex(NEW_ADDRESS));
  const address = decodeAddress(message);
  assertEquals({ ...address, attributes: [...address.attributes.keys()] }, {
    family: 2,
    prefix: 24,
    flags: 0x80,
    scope: 0,
    index: 4,
    attributes: [IFA_ADDRESS, IFA_LOCAL, IFA_LABEL],
  });
  const more = {
    ...message,
    payload: new Uint8Array([...message.payload, ...hex("08 00 08 00 80 02 00 00")]),
  };
  assertEquals(decodeAddress(more).flags, 0x280);
});

Deno.test("netlink: a device with its name and flags", () => {
  const [message] = decodeMessages(
    hex(`
      2c 00 00 00 10 00 00 00 01 00 00 00 00 00 00 00
      00 00 01 00 07 00 00 00 43 10 01 00 00 00 00 00
      0a 00 03 00 76 65 74 68 30 00 00 00
    `),
  );
  assertEquals(decodeLink(message), { index: 7, flags: 0x11043, name: "veth0" });
});

Deno.test("netlink: an error has a number, and the kernel's words behind the request it is about", () => {
  const capped = hex(`
    30 00 00 00 02 00 00 03 01 00 00 00 00 00 00 00
    ea ff ff ff 34 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00
    0b 00 01 00 69 6d 6d 75 74 65 00 00
  `);
  assertEquals(decodeAnswer(decodeMessages(capped)[0]), { errno: 22, text: "immute" });
  const whole = hex(`
    34 00 00 00 02 00 00 02 01 00 00 00 00 00 00 00
    ea ff ff ff 14 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00 ff ff ff ff
    0b 00 01 00 69 6d 6d 75 74 65 00 00
  `);
  assertEquals(decodeAnswer(decodeMessages(whole)[0]), { errno: 22, text: "immute" });
  const bare = hex("14 00 00 00 02 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00");
  assertEquals(decodeAnswer(decodeMessages(bare)[0]), { errno: 0, text: "" });
});
