import { assertEquals } from "@std/assert";
import { PAGE } from "./calls.ts";
import { isOfFile, runsOf } from "./memory.ts";

/** Memory of pages: `0` is one of zeros, anything else is not. */
function pages(...runs: [string, number][]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(runs.reduce((sum, [, count]) => sum + count, 0) * PAGE);
  let at = 0;
  for (const [kind, count] of runs) {
    for (let i = 0; i < count; i++, at += PAGE) if (kind !== "0") bytes[at + PAGE - 1] = 1;
  }
  return bytes;
}

/** The runs in short. */
function runs(...given: [string, number][]): [string, number][] {
  const found = runsOf(pages(...given));
  let end = 0;
  for (const { at, length } of found) {
    assertEquals(at, end);
    end += length;
  }
  return found.map(({ length, zero }) => [zero ? "0" : "x", length / PAGE]);
}

Deno.test("snapshot: zeros at either end, and many of them anywhere, are not kept", () => {
  assertEquals(runs(["0", 3]), [["0", 3]]);
  assertEquals(runs(["x", 3]), [["x", 3]]);
  assertEquals(runs(["0", 1], ["x", 2], ["0", 1]), [["0", 1], ["x", 2], ["0", 1]]);
  assertEquals(runs(["x", 1], ["0", 16], ["x", 1]), [["x", 1], ["0", 16], ["x", 1]]);
});

Deno.test("snapshot: a few zeros between other pages are one run with them", () => {
  assertEquals(runs(["x", 1], ["0", 15], ["x", 2]), [["x", 18]]);
  assertEquals(runs(["x", 1], ["0", 1], ["x", 1], ["0", 20], ["x", 1], ["0", 2], ["x", 1]), [
    ["x", 3],
    ["0", 20],
    ["x", 4],
  ]);
});

Deno.test("snapshot: memory is of a file where every byte is, zeros past its end", () => {
  const file = Deno.makeTempFileSync();
  try {
    const bytes = crypto.getRandomValues(new Uint8Array(2 * PAGE + 100));
    Deno.writeFileSync(file, bytes);
    const memory = new Uint8Array(2 * PAGE);
    memory.set(bytes.subarray(PAGE));
    assertEquals(isOfFile(memory, file, PAGE), true);
    assertEquals(isOfFile(memory, file, 0), false);
    memory[PAGE - 1] ^= 1;
    assertEquals(isOfFile(memory, file, PAGE), false);
    memory[PAGE - 1] ^= 1;
    memory[2 * PAGE - 1] = 1;
    assertEquals(isOfFile(memory, file, PAGE), false);
  } finally {
    Deno.removeSync(file);
  }
  assertEquals(isOfFile(new Uint8Array(PAGE), `${file}.gone`, 0), false);
});
