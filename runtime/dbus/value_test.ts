import { assertEquals, assertThrows } from "@std/assert";
import { Reader, typesOf, type Value, Writer } from "./value.ts";

function written(signature: string, ...values: Value[]): Uint8Array {
  const writer = new Writer();
  writer.all(signature, values);
  return writer.bytes;
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

Deno.test("values have the bytes that the specification's rules give them", () => {
  const cases: [string, Value[], string][] = [
    ["y", [7], "07"],
    ["b", [true], "01 00 00 00"],
    ["n", [-2], "fe ff"],
    ["q", [0xfffe], "fe ff"],
    ["i", [-2], "fe ff ff ff"],
    ["u", [4_000_000_000], "00 28 6b ee"],
    ["x", [-2n], "fe ff ff ff ff ff ff ff"],
    ["t", [2n ** 64n - 1n], "ff ff ff ff ff ff ff ff"],
    ["t", [5], "05 00 00 00 00 00 00 00"],
    ["d", [1.5], "00 00 00 00 00 00 f8 3f"],
    ["s", ["foo"], "03 00 00 00 66 6f 6f 00"],
    ["s", ["ä"], "02 00 00 00 c3 a4 00"],
    ["g", ["as"], "02 61 73 00"],
    // Alignment: after one byte an integer of four, one of eight.
    ["yu", [1, 2], "01 00 00 00 02 00 00 00"],
    ["yt", [1, 2n], "01 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00"],
    // The specification's own example: an array of one 64-bit integer; its padding does not count.
    ["ax", [[5n]], "08 00 00 00 00 00 00 00 05 00 00 00 00 00 00 00"],
    ["ax", [[]], "00 00 00 00 00 00 00 00"],
    ["ay", [new Uint8Array([3, 4])], "02 00 00 00 03 04"],
    ["au", [[1, 2]], "08 00 00 00 01 00 00 00 02 00 00 00"],
    ["v", [{ signature: "b", value: false }], "01 62 00 00 00 00 00 00"],
    ["a(ss)", [[["a", "r"]]], "0e 00 00 00 00 00 00 00 01 00 00 00 61 00 00 00 01 00 00 00 72 00"],
    ["a{ys}", [[[1, "x"]]], "0a 00 00 00 00 00 00 00 01 00 00 00 01 00 00 00 78 00"],
  ];
  for (const [signature, values, bytes] of cases) {
    assertEquals(hex(written(signature, ...values)), bytes, signature);
  }
});

Deno.test("what is written is read again", () => {
  const signature = "sba(sv)a(sa(sv))ayat";
  const values: Value[] = [
    "unit.scope",
    true,
    [["PIDs", { signature: "au", value: [7, 8] }], ["Slice", { signature: "s", value: "a.slice" }]],
    [["x", [["y", { signature: "d", value: 0.25 }]]]],
    new Uint8Array([1, 2, 3]),
    [1n, 2n ** 63n],
  ];
  const bytes = written(signature, ...values);
  assertEquals(new Reader(bytes, 0, true).all(signature), values);
});

Deno.test("a message of the other byte order is read as well", () => {
  assertEquals(new Reader(new Uint8Array([0, 0, 1, 2, 0, 0, 0, 1, 120, 0]), 0, false).all("us"), [258, "x"]);
});

Deno.test("a long text makes the writer grow", () => {
  const text = "x".repeat(5000);
  assertEquals(new Reader(written("ss", text, "end"), 0, true).all("ss"), [text, "end"]);
});

Deno.test("signatures come apart into complete types", () => {
  assertEquals(typesOf("sa{sv}a(ss)aay(i(s))"), ["s", "a{sv}", "a(ss)", "aay", "(i(s))"]);
  for (const wrong of ["a", "(", "()", "a{s}", "a{sss}", "z", "(s", "{sv}", "a".repeat(100) + "s"]) {
    assertThrows(() => typesOf(wrong), TypeError, undefined, wrong);
  }
});

Deno.test("values that are not of their type are refused", () => {
  const cases: [string, Value[]][] = [
    ["u", [-1]],
    ["y", [256]],
    ["t", [2n ** 64n]],
    ["i", [2 ** 31]],
    ["s", [5]],
    ["s", ["a\0b"]],
    ["ss", ["one"]],
    ["v", [{ signature: "ss", value: "x" }]],
  ];
  for (const [signature, values] of cases) {
    assertThrows(() => written(signature, ...values), TypeError, undefined, signature);
  }
});

Deno.test("bytes that end too early are refused", () => {
  const bytes = written("a(sv)", [["a", { signature: "s", value: "text" }]]);
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => new Reader(bytes.slice(0, length), 0, true).all("a(sv)"), TypeError);
  }
  const lies = new Uint8Array([255, 255, 255, 127, 0, 0, 0, 0]);
  for (const type of ["s", "ay", "au"]) {
    assertThrows(() => new Reader(lies, 0, true).read(type), TypeError, "shorter than it says");
  }
});
