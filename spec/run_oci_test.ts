import { assertEquals } from "@std/assert";
import { hasRunOci, isSwitchedOn, keepsGroups, runOci } from "./run_oci.ts";

Deno.test("run.oci: names behind the prefix, and switches", () => {
  const annotations = {
    "run.oci.keep_original_groups": "1",
    "run.oci.off": "0",
    "run.oci.empty": "",
    other: "1",
  };
  assertEquals([hasRunOci({ annotations }), hasRunOci({}), hasRunOci({ annotations: { a: "run.oci.x" } })], [
    true,
    false,
    false,
  ]);
  assertEquals([runOci({ annotations }, "off"), runOci({ annotations }, "toString")], ["0", undefined]);
  const on = (name: string) => isSwitchedOn({ annotations }, name);
  assertEquals([on("keep_original_groups"), on("off"), on("empty"), on("absent")], [
    true,
    false,
    true,
    false,
  ]);
  assertEquals([keepsGroups({ annotations }), keepsGroups({})], [true, false]);
});
