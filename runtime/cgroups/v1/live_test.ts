import { assertEquals, assertThrows } from "@std/assert";
import { EBUSY, EINVAL } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { restoring } from "../journal.ts";
import { LiveV1 } from "./live.ts";

const PATHS = { memory: "/memory/c", cpu: "/cpu/c", pids: "/pids/c", blkio: "/blkio/c" };
const FILES: Record<string, Record<string, string>> = {
  "/memory/c": { "memory.limit_in_bytes": "100\n", "memory.memsw.limit_in_bytes": "200\n" },
  "/cpu/c": {
    "cpu.cfs_quota_us": "-1\n",
    "cpu.cfs_period_us": "100000\n",
    "cpu.shares": "1024\n",
    "cpu.idle": "0\n",
  },
  "/pids/c": { "pids.max": "max\n" },
  "/blkio/c": { "blkio.throttle.read_bps_device": "8:0 5\n" },
};

function tree(): FakeCgroupFs {
  return new FakeCgroupFs(Object.values(PATHS), (dir) => FILES[dir]);
}

function contents(fs: FakeCgroupFs): Record<string, Record<string, string>> {
  return Object.fromEntries([...fs.tree].map(([dir, files]) => [dir, Object.fromEntries(files)]));
}

Deno.test("a refused limit leaves all others as they were", () => {
  const fs = tree();
  fs.fail("write /blkio/c/blkio.throttle.read_bps_device", EINVAL, 0);
  const change = {
    memory: { limit: 150, swap: 160 },
    cpu: { quota: 5000, period: 50_000, shares: 5 },
    pids: { limit: 3 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 6 }] },
  };
  assertThrows(() => new LiveV1(PATHS, fs).update(change), RuntimeError, 'failed to write "8:0 6"');
  assertEquals(contents(fs), FILES);
  new LiveV1(PATHS, fs).update(change);
  assertEquals(contents(fs)["/memory/c"], {
    "memory.limit_in_bytes": "150\n",
    "memory.memsw.limit_in_bytes": "160\n",
  });
});

Deno.test("of several values for one file, those before the refused one are taken back", () => {
  const fs = tree();
  fs.fail("write /blkio/c/blkio.throttle.read_bps_device", 0, EINVAL, 0);
  const devices = [{ major: 8, minor: 0, rate: 6 }, { major: 9, minor: 0, rate: 7 }];
  const change = { blockIO: { throttleReadBpsDevice: devices } };
  assertThrows(() => new LiveV1(PATHS, fs).update(change), RuntimeError, 'failed to write "9:0 7"');
  assertEquals(contents(fs), FILES);
});

Deno.test("a group that was made idle in vain has its weight again", () => {
  const fs = tree();
  fs.put("/cpu/c", "cpu.shares", "400\n");
  // As the kernel does it.
  fs.keepAs("/cpu/c/cpu.idle", (value) => {
    fs.put("/cpu/c", "cpu.shares", value === "1" ? "3\n" : "1024\n");
    return value;
  });
  fs.fail("write /pids/c/pids.max", EINVAL);
  const change = { cpu: { idle: 1 }, pids: { limit: 3 } };
  assertThrows(() => new LiveV1(PATHS, fs).update(change), RuntimeError, "pids.max: invalid argument");
  assertEquals([contents(fs)["/cpu/c"]["cpu.idle"], contents(fs)["/cpu/c"]["cpu.shares"]], ["0\n", "400\n"]);
});

Deno.test("old values that the kernel refuses next to new ones are tried again", () => {
  const fs = tree();
  fs.fail("write /pids/c/pids.max", EINVAL);
  // The first write is the change; the second, the first try to take it back, comes too early.
  fs.fail("write /memory/c/memory.memsw.limit_in_bytes", 0, EINVAL, 0);
  const change = { memory: { limit: 300, swap: 400 }, pids: { limit: 3 } };
  assertThrows(() => new LiveV1(PATHS, fs).update(change), RuntimeError, "pids.max: invalid argument");
  assertEquals(contents(fs), FILES);
});

Deno.test("an old value that cannot be given back is told", () => {
  const fs = tree();
  fs.fail("write /pids/c/pids.max", EINVAL);
  fs.fail("write /memory/c/memory.limit_in_bytes", 0, EBUSY);
  assertThrows(
    () => new LiveV1(PATHS, fs).update({ memory: { limit: 300 }, pids: { limit: 3 } }),
    RuntimeError,
    'pids.max: invalid argument; and setting back failed: failed to write "100": write /memory/c/memory.limit_in_bytes',
  );
});

Deno.test("no files of cgroup v2", () => {
  assertThrows(
    () => new LiveV1(PATHS, tree()).update({ unified: { "memory.max": "5" } }),
    RuntimeError,
    "cannot use unified on cgroup v1",
  );
});

Deno.test("shares wait for idle to end, and are left alone while it lasts", () => {
  const fs = tree();
  fs.fail("write /cpu/c/cpu.shares", EINVAL, 0);
  new LiveV1(PATHS, fs).update({ cpu: { shares: 300, idle: 0 } });
  assertEquals(fs.writes, ["/cpu/c/cpu.shares 300", "/cpu/c/cpu.idle 0", "/cpu/c/cpu.shares 300"]);
  const idle = tree();
  new LiveV1(PATHS, idle).update({ cpu: { shares: 300, idle: 1 } });
  assertEquals(idle.writes, ["/cpu/c/cpu.idle 1"]);
});

Deno.test("what makes a file hold again what it held", () => {
  assertEquals(restoring("pids.max", "max\n", ["5"]), ["max"]);
  assertEquals(restoring("cpuset.cpus", "0-1\n", ["0"]), ["0-1"]);
  assertEquals(restoring("memory.oom_control", "oom_kill_disable 1\nunder_oom 0\noom_kill 0\n", ["1"]), [
    "1",
  ]);
  const throttle = "blkio.throttle.read_bps_device";
  assertEquals(restoring(throttle, "8:0 5\n8:16 7\n", ["8:0 6", "8:1 9"]), ["8:0 5", "8:1 0"]);
  assertEquals(restoring("net_prio.ifpriomap", "lo 0\neth0 2\n", ["eth0 5"]), ["eth0 2"]);
});
