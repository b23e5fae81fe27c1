import { assertEquals, assertThrows } from "@std/assert";
import { decodeMessage, encodeCall, messageSize, METHOD_RETURN } from "./message.ts";

function bytes(text: string): Uint8Array {
  return new Uint8Array(text.trim().split(/\s+/).map((byte) => parseInt(byte, 16)));
}

/** What systemd's client sends first, as strace(1) has seen it. */
const HELLO = bytes(`
  6c 01 00 01 00 00 00 00  01 00 00 00 6d 00 00 00  01 01 6f 00 15 00 00 00  2f 6f 72 67 2f 66 72 65
  65 64 65 73 6b 74 6f 70  2f 44 42 75 73 00 00 00  03 01 73 00 05 00 00 00  48 65 6c 6c 6f 00 00 00
  02 01 73 00 14 00 00 00  6f 72 67 2e 66 72 65 65  64 65 73 6b 74 6f 70 2e  44 42 75 73 00 00 00 00
  06 01 73 00 14 00 00 00  6f 72 67 2e 66 72 65 65  64 65 73 6b 74 6f 70 2e  44 42 75 73 00 00 00 00`);

/** What dbus-daemon answers. */
const NAME = bytes(`
  6c 02 01 01 09 00 00 00  01 00 00 00 3d 00 00 00  06 01 73 00 04 00 00 00  3a 31 2e 38 00 00 00 00
  05 01 75 00 01 00 00 00  08 01 67 00 01 73 00 00  07 01 73 00 14 00 00 00  6f 72 67 2e 66 72 65 65
  64 65 73 6b 74 6f 70 2e  44 42 75 73 00 00 00 00  04 00 00 00 3a 31 2e 38  00`);

Deno.test("a call has the bytes that systemd's own client sends", () => {
  const call = {
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "Hello",
    signature: "",
    body: [],
  };
  assertEquals(encodeCall(1, call), HELLO);
});

Deno.test("an answer of dbus-daemon is understood", () => {
  const message = decodeMessage(NAME);
  assertEquals(message.type, METHOD_RETURN);
  assertEquals(message.replySerial, 1);
  assertEquals(message.body, [":1.8"]);
  assertEquals(message.errorName, "");
});

Deno.test("a message's size is known from its first sixteen bytes", () => {
  assertEquals(messageSize(NAME.slice(0, 15)), 0);
  assertEquals(messageSize(NAME.slice(0, 16)), NAME.length);
  assertEquals(messageSize(HELLO), HELLO.length);
});

Deno.test("what is no message is refused", () => {
  assertThrows(
    () => messageSize(new TextEncoder().encode("HTTP/1.1 400 Bad")),
    TypeError,
    "not a D-Bus message",
  );
  const long = NAME.slice(0, 16);
  long[7] = 0x7f;
  assertThrows(() => messageSize(long), TypeError, "too long");
  assertThrows(() => decodeMessage(NAME.slice(0, 40)), TypeError);
});
