import { assert, assertEquals, assertMatch } from "@std/assert";
import { mark, traceTo } from "./trace.ts";

Deno.test("trace: silent until asked for, then one line per stage with growing times", () => {
  const lines: string[] = [];
  mark("too early", "runtime/host/trace_test.ts test");
  traceTo((line) => lines.push(line));
  mark("first", "runtime/host/trace_test.ts test");
  mark("second", "runtime/host/trace_test.ts test");
  assertEquals(lines.length, 3);
  assertMatch(lines[1], /^stage "first": \d+\.\d ms, \+\d+\.\d ms$/);
  const at = lines.slice(1).map((line) => Number(/: ([\d.]+) ms/.exec(line)![1]));
  assert(at[0] > 0 && at[1] >= at[0]);
});
