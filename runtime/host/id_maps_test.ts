/** Id maps: their texts, which id of the host an id is, and how they are written. */
import { assertEquals } from "@std/assert";
import { hostIdOf, mapText, parseMap, sameMap } from "./id_maps.ts";

const MAP = [
  { containerID: 0, hostID: 1000, size: 1 },
  { containerID: 1, hostID: 100_000, size: 65_535 },
];

Deno.test("id maps: text, as the kernel reads it and as it prints it", () => {
  assertEquals(mapText(MAP), "0 1000 1\n1 100000 65535\n");
  assertEquals(parseMap("         0       1000          1\n         1     100000      65535\n"), MAP);
  assertEquals(parseMap(""), []);
});

Deno.test("id maps: two say the same in whatever order", () => {
  assertEquals(sameMap(MAP, MAP.toReversed()), true);
  assertEquals(sameMap(MAP, MAP.slice(1)), false);
  assertEquals(sameMap(MAP, [MAP[0], { ...MAP[1], size: 65_536 }]), false);
  assertEquals(sameMap([], []), true);
});

Deno.test("id maps: who an id is on the host", () => {
  assertEquals([0, 1, 65_535].map((id) => hostIdOf(MAP, id)), [1000, 100_000, 165_534]);
  assertEquals(hostIdOf(MAP, 65_536), undefined);
  assertEquals(hostIdOf([], 0), undefined);
});
