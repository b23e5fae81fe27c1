import { assertEquals, assertThrows } from "@std/assert";
import { memoryController, parseSmapsRollup, smallest } from "./memory.ts";
import { chooseBase, fileSystemOf, parseMounts } from "./sandbox.ts";
import { cgroupMode } from "./hybrid.ts";

const HYBRID = `/dev/vda / ext4 rw,relatime 0 0
tmpfs /dev/shm tmpfs rw,relatime 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
`;

Deno.test("parseSmapsRollup: bytes, and Pss is not Pss_Anon", () => {
  const text = "Rss:                 260 kB\nPss:                 101 kB\nPss_Anon:             44 kB\n";
  assertEquals(parseSmapsRollup(`00400000-7ffc ---p 00000000 00:00 0 [rollup]\n${text}`), {
    pss: 101 * 1024,
    rss: 260 * 1024,
  });
  assertThrows(() => parseSmapsRollup("Rss: 1 kB\n"), Error, "Pss");
});

Deno.test("smallest: finds the edge, whatever it is", async () => {
  for (const edge of [4096, 8192, 40960, 65536]) {
    const tried: number[] = [];
    const found = await smallest(4096, 65536, 4096, (value) => {
      tried.push(value);
      return Promise.resolve(value >= edge);
    });
    assertEquals(found, edge);
    assertEquals(tried.every((value) => value >= 4096 && value <= 65536), true);
  }
});

Deno.test("smallest: never tries less than the lower end", async () => {
  assertEquals(await smallest(3, 100, 10, (value) => Promise.resolve(value >= 0)), 10);
});

Deno.test("smallest: nothing works", async () => {
  assertEquals(await smallest(1, 8, 1, () => Promise.resolve(false)), null);
});

Deno.test("memoryController and cgroupMode: v1, hybrid, v2, none", () => {
  const mounts = parseMounts(HYBRID);
  assertEquals(cgroupMode(mounts), "hybrid");
  assertEquals(memoryController(mounts)?.point, "/sys/fs/cgroup/memory");
  const unified = parseMounts("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
  assertEquals(cgroupMode(unified), "v2");
  assertEquals(memoryController(unified)?.limit, "memory.max");
  assertEquals(cgroupMode(mounts.filter(({ type }) => type === "cgroup")), "v1");
  assertEquals(memoryController(parseMounts("/dev/vda / ext4 rw 0 0\n")), undefined);
});

Deno.test("chooseBase: /run when it is a tmpfs, else /dev/shm, never one that forbids execution", () => {
  assertEquals(chooseBase(parseMounts(HYBRID)), "/dev/shm");
  assertEquals(chooseBase(parseMounts(`${HYBRID}tmpfs /run tmpfs rw,nosuid 0 0\n`)), "/run");
  assertEquals(chooseBase(parseMounts(`${HYBRID}tmpfs /run tmpfs rw,noexec 0 0\n`)), "/dev/shm");
  assertEquals(chooseBase(parseMounts("/dev/vda / ext4 rw 0 0\n")), "/run");
  assertEquals(["/dev/shm", "/run"].map((path) => fileSystemOf(parseMounts(HYBRID), path)), [
    "tmpfs",
    "ext4",
  ]);
});
