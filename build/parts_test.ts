import { assertEquals, assertThrows } from "@std/assert";
import { PARTS, select } from "./parts.ts";

Deno.test("select: all parts, some parts, a filter", () => {
  assertEquals(select([]), { parts: PARTS, filter: undefined, whole: false });
  assertEquals(select(["clients", "unit"]).parts.map((part) => part.name), ["unit", "clients"]);
  assertEquals(select(["unit", "kill: signals"]).filter, "kill: signals");
  assertEquals(select(["--filter=unit"]), { parts: PARTS, filter: "unit", whole: false });
  assertThrows(() => select(["a", "b"]), Error, "unexpected argument b");
  assertEquals(select(["faults", "--all"]).whole, true);
  assertThrows(() => select(["--all"]), Error, "--all belongs to one part");
  assertThrows(() => select(["unit", "--all"]), Error, "the part unit is always run as a whole");
  assertThrows(() => select(["--fast"]), Error, "unexpected argument --fast");
});
