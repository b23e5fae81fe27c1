import { assert, assertEquals, assertMatch } from "@std/assert";
import { mark, traceTo } from "./trace.ts";

Deno.test("trace: silent until asked for, then one line per stage with growing times", () => {
  const lines: string[] = [];
  mark("too early");
  traceTo((line) => lines.push(line));
  mark("first");
  mark("second");
  assertEquals(lines.length, 3);
  assertMatch(lines[1], /^stage "first": \d+\.\d ms, \+\d+\.\d ms$/);
  const at = lines.slice(1).map((line) => Number(/: ([\d.]+) ms/.exec(line)![1]));
  assert(at[0] > 0 && at[1] >= at[0]);
});
