import { assertEquals } from "@std/assert";
import { isPaused, mayHoldKilled } from "./frozen.ts";
import { withRoot } from "../container/record_testing.ts";

Deno.test("frozen: asked of the container's own freezer cgroup", () =>
  withRoot((root) => {
    const cgroup = { driver: "cgroupfs-v1" as const, paths: { freezer: root } };
    assertEquals(isPaused(cgroup), false);
    Deno.writeTextFileSync(`${root}/freezer.self_freezing`, "0\n");
    assertEquals(isPaused(cgroup), false);
    Deno.writeTextFileSync(`${root}/freezer.self_freezing`, "1\n");
    assertEquals(isPaused(cgroup), true);
  }));

Deno.test("frozen: a killed process may be frozen where its container is, or in a cgroup below", () =>
  withRoot((root) => {
    Deno.mkdirSync(`${root}/c`);
    const cgroup = { driver: "cgroupfs-v1" as const, paths: { freezer: `${root}/c` } };
    Deno.writeTextFileSync(`${root}/c/freezer.self_freezing`, "0\n");
    assertEquals(mayHoldKilled(cgroup), false);
    Deno.mkdirSync(`${root}/c/inner`);
    assertEquals(mayHoldKilled(cgroup), true);
    Deno.removeSync(`${root}/c/inner`);
    Deno.writeTextFileSync(`${root}/c/freezer.self_freezing`, "1\n");
    assertEquals(mayHoldKilled(cgroup), true);
    Deno.removeSync(`${root}/c`, { recursive: true });
    assertEquals(mayHoldKilled(cgroup), false);
    assertEquals(mayHoldKilled(null), false);
  }));

Deno.test("frozen: no cgroup, or one without a freezer, is not paused", () => {
  assertEquals(isPaused(null), false);
  assertEquals(isPaused({ driver: "cgroupfs-v1", paths: { memory: "/sys/fs/cgroup/memory/x" } }), false);
});
