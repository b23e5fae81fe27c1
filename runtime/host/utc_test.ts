import { assertEquals } from "@std/assert";
import { utcText } from "./utc.ts";

Deno.test("utc: as Date has it, in every year, on leap days and around them", () => {
  const seconds = [0, 1, 86399, 86400, 951782399, 951782400, 951868800, 4107542399, 4107542400, 253402300799];
  for (let time = 0; time < 9e9; time += 86400 * 13 + 12345) seconds.push(time);
  for (const time of seconds) assertEquals(utcText(time), new Date(time * 1000).toISOString().slice(0, 19));
});
