import { assert, assertEquals, assertThrows } from "@std/assert";
import { ARGUMENTS, MASK, ON_ERROR, ON_POSITIVE, RECORD_SIZE, RESULT } from "../../ffi/record.ts";
import { BASE, Head, HEAD_SIZE } from "./head.ts";

/** Where the words are (head.ts, restore_x86_64.s). */
const FIRST = 8, VDSO_COUNT = 16, VDSO_AT = 24, OPENED = 32, SIZE = 96, RECORDS = 104;

function viewOf(head: Head, size = HEAD_SIZE): DataView {
  const bytes = head.finish(size);
  assertEquals(bytes.length, HEAD_SIZE);
  return new DataView(bytes.buffer);
}

const word = (view: DataView, at: number) => Number(view.getBigInt64(at, true));
const at = (view: DataView, address: number) => word(view, address - BASE);

Deno.test("snapshot: a head names its build, its first record, and the size of the file", () => {
  const view = viewOf(new Head("abcdefgh"), 123_456);
  assertEquals(new TextDecoder().decode(view.buffer.slice(0, 8)), "abcdefgh");
  assertEquals([word(view, FIRST), word(view, SIZE)], [BASE + RECORDS, 123_456]);
  assertEquals([word(view, VDSO_COUNT), at(view, word(view, OPENED))], [0, 0]);
});

Deno.test("snapshot: a call has a number, arguments, and a mask of those that are elsewhere", () => {
  const head = new Head("abcdefgh");
  const first = head.call(9, [1, -1, 2n ** 62n, { at: BASE + 40 }]);
  head.call(334, [first], true);
  const view = viewOf(head);
  assertEquals([view.getInt32(RECORDS, true), view.getUint32(RECORDS + MASK, true)], [9, 0b1000]);
  const args = [0, 1, 2, 3, 4].map((i) => view.getBigInt64(RECORDS + ARGUMENTS + 8 * i, true));
  assertEquals(args, [1n, -1n, 2n ** 62n, BigInt(BASE + 40), 0n]);
  assertEquals(first.at, BASE + RECORDS + RESULT);
  // One that fails stops the records; one that may fail goes on to the next.
  assertEquals(word(view, RECORDS + ON_ERROR), 0);
  const second = RECORDS + RECORD_SIZE;
  assertEquals(word(view, second + ARGUMENTS), BASE + RECORDS + RESULT);
  assertEquals([view.getUint32(second + MASK, true), word(view, second + ON_ERROR)], [
    1,
    BASE + second + RECORD_SIZE,
  ]);
});

Deno.test("snapshot: a call that must be above zero stops the records otherwise", () => {
  const head = new Head("abcdefgh");
  head.positive(7, []);
  head.resume(0x1234n, 0x5678n);
  const view = viewOf(head), [stop, resume] = [1, 2].map((i) => RECORDS + i * RECORD_SIZE);
  assertEquals(word(view, RECORDS + ON_POSITIVE), BASE + resume);
  assertEquals(view.getInt32(stop, true), -1);
  assertEquals([view.getInt32(resume, true), word(view, resume + ARGUMENTS)], [-5, 0x5678]);
  assertEquals(word(view, resume + ARGUMENTS + 8), 0x1234);
});

Deno.test("snapshot: what is opened is closed where the records stop, and nothing before it is open", () => {
  const head = new Head("abcdefgh");
  const results = [head.open(257, []), head.open(290, [])];
  const view = viewOf(head), list = word(view, OPENED);
  assertEquals([0, 1, 2].map((i) => at(view, list + 8 * i)), [2, ...results.map(({ at }) => at)]);
  for (const result of results) assertEquals(at(view, result.at), -1);
});

Deno.test("snapshot: words for the vDSO, comparisons and copies", () => {
  const head = new Head("abcdefgh");
  const places = head.fromVdso([-24_576n, 0n]);
  head.compare(head.data(Uint8Array.of(1, 2)), places[0], 2);
  head.copy({ at: 5 }, 6, 7);
  const view = viewOf(head);
  assertEquals([word(view, VDSO_COUNT), word(view, VDSO_AT)], [2, places[0].at]);
  assertEquals(places.map((place) => at(view, place.at)), [-24_576, 0]);
  const copy = RECORDS + RECORD_SIZE;
  assertEquals([view.getInt32(RECORDS, true), view.getUint32(RECORDS + MASK, true)], [-3, 0b10]);
  assertEquals([view.getInt32(copy, true), view.getUint32(copy + MASK, true)], [-4, 0b1]);
  const compared = word(view, RECORDS + ARGUMENTS) - BASE;
  assertEquals([view.getUint8(compared), view.getUint8(compared + 1)], [1, 2]);
});

Deno.test("snapshot: data are aligned, texts end, and a head that is full says so", () => {
  const head = new Head("abcdefgh");
  const address = head.text("abc");
  assertEquals(address % 8, 0);
  assertEquals(
    new TextDecoder().decode(viewOf(head).buffer.slice(address - BASE, address - BASE + 4)),
    "abc\0",
  );
  assertThrows(() => head.room(HEAD_SIZE), Error, "65536 bytes only");
  const full = new Head("abcdefgh");
  full.room(HEAD_SIZE - 1000);
  const fill = () => {
    for (let i = 0; i < 100; i++) full.call(3, [i]);
  };
  assertThrows(fill, Error, "65536 bytes only");
  assert(viewOf(new Head("abcdefgh")).byteLength === HEAD_SIZE);
});
