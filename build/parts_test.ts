import { assertEquals, assertThrows } from "@std/assert";
import { PARTS, select } from "./parts.ts";

Deno.test("select: all parts, some parts, a filter", () => {
  assertEquals(select([]), { parts: PARTS, filter: undefined });
  assertEquals(select(["clients", "unit"]).parts.map((part) => part.name), ["unit", "clients"]);
  assertEquals(select(["unit", "kill: signals"]).filter, "kill: signals");
  assertEquals(select(["--filter=unit"]), { parts: PARTS, filter: "unit" });
  assertThrows(() => select(["a", "b"]), Error, "unexpected argument b");
  assertThrows(() => select(["--fast"]), Error, "unexpected argument --fast");
});
