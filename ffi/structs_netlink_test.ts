import { assertEquals, assertThrows } from "@std/assert";
import * as n from "./structs_netlink.ts";

/** Bytes of a text of hexadecimal numbers. */
function hex(text: string): Uint8Array {
  return Uint8Array.from(text.trim().split(/\s+/), (byte) => parseInt(byte, 16));
}

Deno.test("netlink: a request is as iproute2 sends it", () => {
  // strace -e sendmsg -x: ip link set dev ifb0 netns NS name inner (the index is 2, the descriptor is 5).
  const request = n.encodeRequest({
    type: n.RTM_NEWLINK,
    flags: n.NLM_F_REQUEST | n.NLM_F_ACK,
    sequence: 7,
    body: n.linkBody(2),
    attributes: [[n.IFLA_NET_NS_FD, n.wordValue(5)], [n.IFLA_IFNAME, n.stringValue("inner")]],
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
  assertEquals(n.linkBody(3, 1, 1), hex("00 00 00 00 03 00 00 00 01 00 00 00 01 00 00 00"));
});

Deno.test("netlink: an address has its family, prefix, flags and scope in a byte each", () => {
  const body = n.addressBody({ family: 10, prefix: 64, flags: 0x280, scope: 253, index: 9 });
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
  const [first, second, ...others] = n.decodeMessages(
    hex(`
      ${NEW_ADDRESS}
      14 00 00 00 03 00 12 00 05 00 00 00 01 00 00 00 00 00 00 00
    `),
  );
  assertEquals([first.type, first.flags, first.sequence], [n.RTM_NEWADDR, 2, 5]);
  assertEquals([second.type, second.flags & n.NLM_F_DUMP_INTR], [n.NLMSG_DONE, n.NLM_F_DUMP_INTR]);
  assertEquals(others, []);
});

Deno.test("netlink: a message that is longer than its datagram is an error", () => {
  assertThrows(() => n.decodeMessages(hex(NEW_ADDRESS).subarray(0, 40)), RangeError);
});

Deno.test("netlink: an address, with the flags that have no room in its body", () => {
  const [message] = n.decodeMessages(hex(NEW_ADDRESS));
  const address = n.decodeAddress(message);
  assertEquals({ ...address, attributes: [...address.attributes.keys()] }, {
    family: 2,
    prefix: 24,
    flags: 0x80,
    scope: 0,
    index: 4,
    attributes: [n.IFA_ADDRESS, n.IFA_LOCAL, n.IFA_LABEL],
  });
  const more = {
    ...message,
    payload: new Uint8Array([...message.payload, ...hex("08 00 08 00 80 02 00 00")]),
  };
  assertEquals(n.decodeAddress(more).flags, 0x280);
});

Deno.test("netlink: a device with its name and flags", () => {
  const [message] = n.decodeMessages(
    hex(`
      2c 00 00 00 10 00 00 00 01 00 00 00 00 00 00 00
      00 00 01 00 07 00 00 00 43 10 01 00 00 00 00 00
      0a 00 03 00 76 65 74 68 30 00 00 00
    `),
  );
  assertEquals(n.decodeLink(message), { index: 7, flags: 0x11043, name: "veth0" });
});

Deno.test("netlink: an error has a number, and the kernel's words behind the request it is about", () => {
  const capped = hex(`
    30 00 00 00 02 00 00 03 01 00 00 00 00 00 00 00
    ea ff ff ff 34 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00
    0b 00 01 00 69 6d 6d 75 74 65 00 00
  `);
  assertEquals(n.decodeAnswer(n.decodeMessages(capped)[0]), { errno: 22, text: "immute" });
  const whole = hex(`
    34 00 00 00 02 00 00 02 01 00 00 00 00 00 00 00
    ea ff ff ff 14 00 00 00 10 00 05 00 01 00 00 00 00 00 00 00 ff ff ff ff
    0b 00 01 00 69 6d 6d 75 74 65 00 00
  `);
  assertEquals(n.decodeAnswer(n.decodeMessages(whole)[0]), { errno: 22, text: "immute" });
  const bare = hex("14 00 00 00 02 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00");
  assertEquals(n.decodeAnswer(n.decodeMessages(bare)[0]), { errno: 0, text: "" });
});
