import { assertEquals, assertNotEquals } from "@std/assert";
import { randomBytes } from "./random.ts";

Deno.test("random: as many bytes as are asked for, others each time", () => {
  for (const count of [0, 1, 16, 100_000]) assertEquals(randomBytes(count).length, count);
  assertNotEquals(randomBytes(16), randomBytes(16));
});
