import { assertEquals } from "@std/assert";
import { isPaused } from "./frozen.ts";
import { withRoot } from "./testing.ts";

Deno.test("frozen: asked of the container's own freezer cgroup", () =>
  withRoot((root) => {
    const cgroup = { driver: "cgroupfs-v1" as const, paths: { freezer: root } };
    assertEquals(isPaused(cgroup), false);
    Deno.writeTextFileSync(`${root}/freezer.self_freezing`, "0\n");
    assertEquals(isPaused(cgroup), false);
    Deno.writeTextFileSync(`${root}/freezer.self_freezing`, "1\n");
    assertEquals(isPaused(cgroup), true);
  }));

Deno.test("frozen: no cgroup, or one without a freezer, is not paused", () => {
  assertEquals(isPaused(null), false);
  assertEquals(isPaused({ driver: "cgroupfs-v1", paths: { memory: "/sys/fs/cgroup/memory/x" } }), false);
});
