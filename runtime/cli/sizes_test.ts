import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { parseSize } from "./sizes.ts";

Deno.test("sizes with and without units", () => {
  const sizes: [string, number | bigint][] = [
    ["0", 0],
    ["512", 512],
    ["512b", 512],
    ["64k", 65536],
    ["64kB", 65536],
    ["64KiB", 65536],
    ["32 m", 32 * 1024 ** 2],
    ["1.5g", 1.5 * 1024 ** 3],
    ["1.g", 1024 ** 3],
    ["2T", 2 * 1024 ** 4],
    ["1p", 1024 ** 5],
    ["0.3k", 307],
    ["9007199254740993", 9007199254740993n],
    ["9223372036854775807", 9223372036854775807n],
  ];
  for (const [text, bytes] of sizes) assertEquals(parseSize(text), bytes, text);
});

Deno.test("what is no size, or too large for the kernel", () => {
  for (const text of ["", "abc", "-5", "5x", "5kk", "1e3", "k", ".5k", " 5", "5 ", "5ib"]) {
    assertThrows(() => parseSize(text), RuntimeError, `invalid size: '${text}'`);
  }
  assertThrows(() => parseSize("8192p"), RuntimeError, "beyond 64 bits");
});
