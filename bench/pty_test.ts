import { assertEquals } from "@std/assert";
import { ptyTable } from "./pty.ts";

Deno.test("ptyTable: what a silent program costs is taken off", () => {
  const table = ptyTable({
    tsrun: {
      wall: [1100, 1150, 2000],
      cpu: [900, 910, 920],
      silent: { wall: [150, 150, 150], cpu: [60, 60, 60] },
    },
  });
  assertEquals(table?.rows, [["tsrun", "100", "1000", "850", "1100"]]);
  assertEquals([ptyTable(undefined), ptyTable({})], [undefined, undefined]);
});
