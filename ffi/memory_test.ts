import { TsrunError } from "./errors.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { Buffer, Memory } from "./memory.ts";

const BASE = 0x10000000;
const make = (size = 256) => new Memory(new ArrayBuffer(size), BASE);

/** The 64-bit word at an address, whole. */
function word(memory: Memory, address: number): bigint {
  return memory.view.getBigUint64(address - memory.base, true);
}

Deno.test("memory: allocations are aligned to eight bytes, and their addresses are the executing process's", () => {
  const memory = make();
  assertEquals(memory.put(new Uint8Array(3)), BASE);
  assertEquals(memory.reserve(1), BASE + 8);
  assertEquals(memory.alloc(8).address, BASE + 16);
  assertEquals(memory.string("x"), BASE + 24);
});

Deno.test("memory: a number is passed as it is, and null as zero", () => {
  const memory = make();
  assertEquals(memory.encode(-100), -100);
  assertEquals(memory.encode(null), 0);
  assertEquals(memory.top, 0);
});

Deno.test("memory: a text becomes UTF-8 with a NUL behind it", () => {
  const memory = make();
  memory.bytes.fill(0xff);
  const address = memory.encode("ü€");
  assertEquals([...memory.bytes.slice(address - BASE, address - BASE + 7)], [
    0xc3,
    0xbc,
    0xe2,
    0x82,
    0xac,
    0,
    0xff,
  ]);
});

Deno.test("memory: an empty text is one NUL", () => {
  const memory = make();
  memory.bytes.fill(0xff);
  assertEquals(memory.bytes[memory.encode("") - BASE], 0);
  assertEquals(memory.top, 1);
});

Deno.test("memory: a text with a NUL inside is refused, alone and in a list", () => {
  const memory = make();
  assertThrows(() => memory.encode("a\0b"), TsrunError, "NUL");
  assertThrows(() => memory.encode(["good", "a\0b"]), TsrunError, "NUL");
});

Deno.test("memory: bytes are copied", () => {
  const memory = make();
  const bytes = new Uint8Array([1, 2, 3]);
  const address = memory.encode(bytes);
  bytes.fill(9);
  assertEquals([...memory.bytes.slice(address - BASE, address - BASE + 3)], [1, 2, 3]);
});

Deno.test("memory: a buffer stands for its own address", () => {
  const memory = make();
  memory.reserve(40);
  const buffer = memory.alloc(8);
  assertEquals(memory.encode(buffer), buffer.address);
  assertEquals(buffer.address, BASE + 40);
});

Deno.test("memory: a list of numbers becomes 64-bit words", () => {
  const memory = make();
  const address = memory.encode([1, -1, 2 ** 40 + 5]);
  assertEquals([0, 8, 16].map((at) => word(memory, address + at)), [1n, 0xffffffffffffffffn, 2n ** 40n + 5n]);
});

Deno.test("memory: a list of texts becomes a NULL-terminated array of pointers", () => {
  const memory = make();
  memory.bytes.fill(0xff);
  const address = memory.encode(["sh", "-c"]);
  const text = (at: number) => new Buffer(memory, Number(word(memory, address + at)), 16).text();
  assertEquals([text(0), text(8), word(memory, address + 16)], ["sh", "-c", 0n]);
});

Deno.test("memory: an empty list is one NULL", () => {
  const memory = make();
  memory.bytes.fill(0xff);
  assertEquals(word(memory, memory.encode([])), 0n);
});

Deno.test("memory: words are exact up to 2^53 on both sides of zero, and all ones from 2^64", () => {
  const memory = make();
  const address = memory.reserve(8);
  for (
    const value of [0, 1, -1, -2, 0xffffffff, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, 2 ** 53 - 1, 1 - 2 ** 53]
  ) {
    memory.setU64(address, value);
    assertEquals(memory.view.getBigInt64(address - BASE, true), BigInt(value));
    assertEquals(memory.getI64(address), value);
  }
  memory.setU64(address, 2 ** 63);
  assertEquals(word(memory, address), 2n ** 63n);
  // What JSON.parse makes of the specification's largest number, 2^64 - 1.
  memory.setU64(address, 18446744073709551615);
  assertEquals(word(memory, address), 2n ** 64n - 1n);
});

Deno.test("memory: a full arena says so, and nothing is half allocated", () => {
  const memory = make(32);
  memory.reserve(16);
  assertThrows(() => memory.reserve(17), TsrunError, "arena is full");
  assertThrows(() => memory.alloc(17), TsrunError, "arena is full");
  assertThrows(() => memory.put(new Uint8Array(17)), TsrunError, "arena is full");
  assertThrows(() => memory.string("a text of more than sixteen bytes"), TsrunError, "arena is full");
  assertEquals(memory.reserve(16), BASE + 16);
});

Deno.test("memory: a text that fits but for its NUL does not fit", () => {
  assertEquals(make(8).string("seven.."), BASE);
  assertThrows(() => make(8).string("eight..."), TsrunError, "arena is full");
  // Three bytes each: what counts is bytes, not characters.
  assertThrows(() => make(8).string("€€€"), TsrunError, "arena is full");
});

Deno.test("memory: release frees all that came after, and alloc clears what it hands out", () => {
  const memory = make();
  memory.reserve(8);
  const { top } = memory;
  memory.put(new Uint8Array(64).fill(7));
  memory.release(top);
  const again = memory.alloc(64);
  assertEquals(again.address, BASE + 8);
  assertEquals(again.bytes.every((byte) => byte === 0), true);
});

Deno.test("buffer: words by offset, signed and not", () => {
  const buffer = make().alloc(16);
  buffer.bytes.set([0xff, 0xff, 0xff, 0xff, 1], 0);
  assertEquals(buffer.u32(0), 0xffffffff);
  assertEquals(buffer.i32(0), -1);
  assertEquals(buffer.u64(0), 2 ** 32 + 0xffffffff);
  assertEquals(buffer.slice(4, 4).u32(0), 1);
});

Deno.test("buffer: its bytes are the memory, not a copy, and end where it ends", () => {
  const memory = make();
  const buffer = memory.alloc(8);
  buffer.bytes[0] = 5;
  assertEquals(memory.bytes[0], 5);
  assertEquals(buffer.bytes.length, 8);
});

Deno.test("buffer: text ends at the first NUL, at a given length, or at its end", () => {
  const buffer = make().alloc(4);
  buffer.bytes.set(new TextEncoder().encode("ab"));
  assertEquals(buffer.text(), "ab");
  assertEquals(buffer.text(1), "a");
  buffer.bytes.set(new TextEncoder().encode("abcd"));
  assertEquals(buffer.text(), "abcd");
});

Deno.test("memory: 64-bit words keep their value, as bigints where a number would not be exact", () => {
  const memory = make();
  const values = [
    0,
    1,
    2 ** 32,
    2 ** 53 - 1,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
  ];
  const address = memory.encode(values);
  const words = new Buffer(memory, address, values.length * 8);
  assertEquals(values.map((_, index) => words.word(index * 8)), values);
  assertEquals(word(memory, memory.encode([-1n])), 2n ** 64n - 1n);
});

Deno.test("memory: many strings are copied in at once, whatever characters they have", () => {
  for (const texts of [["a", "", "bcd"], ["ä", "b", "€"], []]) {
    const memory = make();
    const read = memory.stringsAt(texts).map((address) => {
      const from = address - BASE;
      return new TextDecoder().decode(memory.bytes.slice(from, memory.bytes.indexOf(0, from)));
    });
    assertEquals(read, texts);
    // What follows does not overwrite them, and finds zeros.
    assertEquals(memory.bytes.subarray(memory.reserve(8) - BASE).some((byte) => byte !== 0), false);
  }
  assertThrows(() => make().stringsAt(["a", "b\0c"]), Error, "NUL");
  assertThrows(() => make(16).stringsAt(["a".repeat(8), "b".repeat(8)]), Error, "full");
});
