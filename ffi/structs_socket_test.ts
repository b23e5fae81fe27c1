import { TsrunError } from "./errors.ts";
import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeRights,
  encodeMessage,
  encodeRights,
  fitsAddress,
  rightsSize,
  unixAddress,
} from "./structs_socket.ts";
import { Memory } from "./memory.ts";

Deno.test("a unix address is the family, the path and a NUL", () => {
  assertEquals([...unixAddress("/a")], [1, 0, 0x2f, 0x61, 0]);
});

Deno.test("an abstract address begins with a NUL and has none at its end", () => {
  assertEquals([...unixAddress("@a")], [1, 0, 0, 0x61]);
});

Deno.test("a path has room for 107 bytes, not characters", () => {
  assertEquals([fitsAddress("/".repeat(107)), fitsAddress("/".repeat(108))], [true, false]);
  assertEquals([fitsAddress("é".repeat(53)), fitsAddress("é".repeat(54))], [true, false]);
  assertThrows(() => unixAddress("é".repeat(54)), TsrunError, "not 108");
});

Deno.test("descriptors go into a control message and come out of it", () => {
  const bytes = encodeRights([7, 300, 9]);
  assertEquals(bytes.length, rightsSize(3));
  assertEquals([...bytes.subarray(0, 16)], [28, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
  assertEquals(decodeRights(bytes, bytes.length), [7, 300, 9]);
  assertEquals(decodeRights(bytes, 20), [7]);
  assertEquals(decodeRights(bytes, 0), []);
  bytes[12] = 2; // SCM_CREDENTIALS
  assertEquals(decodeRights(bytes, bytes.length), []);
});

Deno.test("a message points to its data and its control messages", () => {
  const memory = new Memory(new ArrayBuffer(256), 0x1000);
  const message = encodeMessage(memory, {
    data: { address: 0x5000, size: 9 },
    control: { address: 0x6000, size: 24 },
  });
  const word = (index: number) => memory.getI64(message + index * 8);
  assertEquals([word(0), word(1), word(3), word(4), word(5), word(6)], [0, 0, 1, 0x6000, 24, 0]);
  assertEquals([memory.getI64(word(2)), memory.getI64(word(2) + 8)], [0x5000, 9]);
});
