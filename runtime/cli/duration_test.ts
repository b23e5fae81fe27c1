import { assertAlmostEquals, assertEquals } from "@std/assert";
import { parseDuration } from "./duration.ts";

Deno.test("durations as Go writes them", () => {
  const durations: [string, number][] = [
    ["5s", 5000],
    ["1.5h", 5_400_000],
    ["1m30s", 90_000],
    ["100ms", 100],
    ["250us", 0.25],
    ["250\u00b5s", 0.25],
    ["250\u03bcs", 0.25],
    ["3ns", 3e-6],
    [".5s", 500],
    ["1.s", 1000],
    ["-2ms", -2],
    ["+2ms", 2],
    ["0", 0],
    ["-0", 0],
  ];
  for (const [text, milliseconds] of durations) {
    assertAlmostEquals(parseDuration(text) ?? NaN, milliseconds, 1e-9, text);
  }
  for (const text of ["", "5", "s", "5 s", "5x", "5s5", "-", "1h-3m", "1d"]) {
    assertEquals(parseDuration(text), undefined, text);
  }
});
