import { assertEquals } from "@std/assert";
import { smallConfig } from "./configs.ts";
import { MANY, manyConfig, manyTable } from "./many_mounts.ts";

Deno.test("manyConfig: the mounts and paths of the config, and as many more of each kind", () => {
  const small = smallConfig({ rootfs: "/r", files: "/f", cgroup: "/c" });
  const count = (config: unknown) => {
    const { mounts, linux: { maskedPaths } } = config as {
      mounts: unknown[];
      linux: { maskedPaths: string[] };
    };
    return [mounts.length, new Set(maskedPaths).size];
  };
  const [mounts, paths] = count(small);
  assertEquals(count(manyConfig(small, "/source")), [mounts + MANY, paths + MANY]);
});

Deno.test("manyTable: medians and least times", () => {
  const table = manyTable({ tsrun: { wall: [70, 65, 90], cpu: [60, 61, 59] } });
  assertEquals(table?.rows, [["tsrun", "70", "65", "60", "59"]]);
  assertEquals([manyTable(undefined), manyTable({})], [undefined, undefined]);
});
