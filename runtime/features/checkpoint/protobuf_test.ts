import { assertEquals, assertThrows } from "@std/assert";
import { decodeProtobuf, encodeProtobuf, type Schema } from "./protobuf.ts";

const SCHEMA: Schema = {
  number: [1, "int32"],
  natural: [2, "uint32"],
  truth: [3, "bool"],
  text: [16, "string"],
  list: [5, "uint32", "repeated"],
  inner: [6, { name: [1, "string"] }],
  inners: [7, { name: [1, "string"] }, "repeated"],
};

const bytes = (...numbers: number[]) => Uint8Array.from(numbers);

Deno.test("protobuf: the examples of the encoding guide", () => {
  assertEquals(encodeProtobuf({ a: [1, "int32"] }, { a: 150 }), bytes(8, 0x96, 1));
  assertEquals(
    encodeProtobuf({ b: [2, "string"] }, { b: "testing" }),
    bytes(0x12, 7, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67),
  );
  const inner = { c: [3, { a: [1, "int32"] }] } as const;
  assertEquals(encodeProtobuf(inner, { c: { a: 150 } }), bytes(0x1a, 3, 8, 0x96, 1));
  assertEquals(encodeProtobuf({ a: [1, "int32"] }, { a: -2 }), bytes(8, 0xfe, ...Array(8).fill(0xff), 1));
});

Deno.test("protobuf: what is written can be read", () => {
  const values = {
    number: -2147483648,
    natural: 4294967295,
    truth: false,
    text: "naïve ✓",
    list: [0, 300],
    inner: { name: "" },
    inners: [{ name: "a" }, {}],
  };
  assertEquals(decodeProtobuf(SCHEMA, encodeProtobuf(SCHEMA, values)), values);
  assertEquals(encodeProtobuf(SCHEMA, { text: undefined }), bytes());
});

Deno.test("protobuf: fields that are not known are skipped, whatever their wire type", () => {
  const unknown = [0x51, ...Array(8).fill(1), 0x55, 1, 1, 1, 1, 0x5a, 2, 1, 1, 0x60, 0x80, 1];
  assertEquals(decodeProtobuf(SCHEMA, bytes(...unknown, 0x10, 5)), { natural: 5 });
});

Deno.test("protobuf: bytes that are no message are an error", () => {
  for (const broken of [[8], [8, 0x80], [0x82, 1, 5, 0x41], [0x0b], [8, ...Array(11).fill(0x80)]]) {
    assertThrows(() => decodeProtobuf(SCHEMA, bytes(...broken)), RangeError, "protobuf");
  }
  assertThrows(() => decodeProtobuf(SCHEMA, bytes(0x0a, 1, 1)), RangeError, "number has the wire type 2");
});

Deno.test("protobuf: values that a field cannot have are an error", () => {
  for (const values of [{ number: 1.5 }, { number: "1" }, { text: 1 }, { truth: 1 }, { other: 1 }]) {
    assertThrows(() => encodeProtobuf(SCHEMA, values), TypeError, "protobuf");
  }
});
