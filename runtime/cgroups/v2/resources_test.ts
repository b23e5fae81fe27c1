import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, ENOENT, EPERM } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { applyRows } from "../apply.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { cpuWeight, ioWeight, rowsV2, swapMax } from "./resources.ts";

const FILES = [
  ...["pids.max", "memory.swap.max", "memory.max", "memory.low", "memory.current", "memory.swap.current"],
  ...["cpu.idle", "cpu.weight", "cpu.max", "cpu.max.burst", "cpuset.cpus", "cpuset.mems", "rdma.max"],
  ...["io.weight", "io.max", "hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "memory.high", "cgroup.controllers"],
];

function tree({ without = [], and = [] }: { without?: string[]; and?: string[] } = {}): FakeCgroupFs {
  const names = [...FILES, ...and].filter((name) => !without.includes(name));
  const fs = new FakeCgroupFs(["/c"], () => Object.fromEntries(names.map((name) => [name, "0\n"])));
  if (!without.includes("cgroup.controllers")) fs.put("/c", "cgroup.controllers", "cpu memory pids\n");
  return fs;
}

function written(resources: LinuxResources, fs = tree()): string[] {
  const host = { pageSizes: () => ["2MB"], exists: (file: string) => fs.exists("/c", file) };
  applyRows(fs, { unified: "/c" }, resources, rowsV2(resources, host), "all");
  return fs.writes.map((line) => line.slice(3));
}

const DISK = { major: 8, minor: 16 };

const FIELDS: [name: string, resources: LinuxResources, writes: string[]][] = [
  ["nothing", {}, []],
  ["empty objects", { memory: {}, cpu: {}, pids: {}, blockIO: {}, network: {}, rdma: {}, unified: {} }, []],
  ["pids", { pids: { limit: 5 } }, ["pids.max 5"]],
  ["no limit of pids", { pids: { limit: -1 } }, ["pids.max max"]],
  ["pids 0", { pids: { limit: 0 } }, ["pids.max 1"]],
  ["memory", { memory: { limit: 100, reservation: 50 } }, ["memory.max 100", "memory.low 50"]],
  ["swap alone is the difference, written first", { memory: { limit: 100, swap: 130 } }, [
    "memory.swap.max 30",
    "memory.max 100",
  ]],
  ["no swap", { memory: { limit: 100, swap: 100 } }, ["memory.swap.max 0", "memory.max 100"]],
  ["no limits", { memory: { limit: -1, reservation: -1 } }, [
    "memory.swap.max max",
    "memory.max max",
    "memory.low max",
  ]],
  ["fields without a counterpart", {
    memory: { swappiness: 5, kernel: 6, kernelTCP: 7, disableOOMKiller: true, useHierarchy: true },
    cpu: { realtimePeriod: 8, realtimeRuntime: 9 },
    network: { classID: 1 },
  }, []],
  ["shares", { cpu: { shares: 512 } }, ["cpu.weight 59"]],
  ["idle has no weight", { cpu: { shares: 512, idle: 1 } }, ["cpu.idle 1"]],
  ["idle ends before a weight", { cpu: { shares: 512, idle: 0 } }, ["cpu.idle 0", "cpu.weight 59"]],
  ["quota", { cpu: { quota: 5000 } }, ["cpu.max 5000 100000"]],
  ["period", { cpu: { period: 5000 } }, ["cpu.max max 5000"]],
  ["no quota", { cpu: { quota: -1, period: 7000 } }, ["cpu.max max 7000"]],
  ["burst", { cpu: { quota: 50, burst: 10 } }, ["cpu.max.burst 10", "cpu.max 50 100000"]],
  ["cpus", { cpu: { cpus: "0-1", mems: "0" } }, ["cpuset.cpus 0-1", "cpuset.mems 0"]],
  ["io", {
    blockIO: {
      weight: 500,
      weightDevice: [{ ...DISK, weight: 10 }, { ...DISK, leafWeight: 20 }],
      throttleReadBpsDevice: [{ ...DISK, rate: 1 }],
      throttleWriteBpsDevice: [{ ...DISK, rate: 2 }],
      throttleReadIOPSDevice: [{ ...DISK, rate: 3 }],
      throttleWriteIOPSDevice: [{ ...DISK, rate: 0 }],
    },
  }, [
    "io.weight 4950",
    "io.weight 8:16 1",
    "io.max 8:16 rbps=1",
    "io.max 8:16 wbps=2",
    "io.max 8:16 riops=3",
    "io.max 8:16 wiops=max",
  ]],
  ["huge pages", { hugepageLimits: [{ pageSize: "2MB", limit: 7 }] }, [
    "hugetlb.2MB.max 7",
    "hugetlb.2MB.rsvd.max 7",
  ]],
  ["rdma", { rdma: { mlx: { hcaHandles: 1, hcaObjects: 2 } } }, ["rdma.max mlx hca_handle=1 hca_object=2"]],
  ["unified has the last word", {
    memory: { limit: 5 },
    unified: { "memory.max": "6", "io.max": "8:0 a\n8:1 b" },
  }, [
    "memory.max 5",
    "memory.max 6",
    "io.max 8:0 a",
    "io.max 8:1 b",
  ]],
];

Deno.test("each field becomes its file", async (t) => {
  for (const [name, resources, writes] of FIELDS) {
    await t.step(name, () => assertEquals(written(resources), writes));
  }
});

Deno.test("the BFQ scheduler takes v1's weights", () => {
  const resources = { blockIO: { weight: 500, weightDevice: [{ ...DISK, weight: 10 }] } };
  assertEquals(written(resources, tree({ and: ["io.bfq.weight"] })), [
    "io.bfq.weight 500",
    "io.bfq.weight 8:16 10",
  ]);
});

Deno.test("weights follow the curves of runc", () => {
  const weights = [[0, 1], [2, 1], [3, 2], [512, 59], [1024, 100], [2048, 174], [262144, 10000], [
    999999,
    10000,
  ]];
  for (const [shares, weight] of weights) assertEquals(cpuWeight(shares), weight, String(shares));
  assertEquals([10, 100, 500, 1000].map(ioWeight), [1, 910, 4950, 10000]);
});

Deno.test("limits of swap that there cannot be", () => {
  assertThrows(() => swapMax({ swap: 5 }), RuntimeError, "unable to set swap limit without memory limit");
  assertThrows(
    () => swapMax({ limit: 6, swap: 5 }),
    RuntimeError,
    "memory+swap limit should be >= memory limit",
  );
  assertThrows(() => swapMax({ limit: -2, swap: 5 }), RuntimeError, "invalid memory value: -2");
  assertEquals(swapMax({ limit: -1, swap: 5 }), "5");
  assertEquals(swapMax({ limit: 5, swap: -1 }), "max");
  assertEquals(swapMax({ limit: 5 }), undefined);
  assertEquals(swapMax({ limit: 1n, swap: 9007199254740993n }), "9007199254740992");
});

Deno.test("a kernel that does not count swap takes none, but no other limit of it", () => {
  const fs = () => tree({ without: ["memory.swap.max"] });
  assertEquals(written({ memory: { limit: 5, swap: 5 } }, fs()), ["memory.max 5"]);
  assertEquals(written({ memory: { limit: -1 } }, fs()), ["memory.max max"]);
  assertThrows(() => written({ memory: { limit: 5, swap: 6 } }, fs()), RuntimeError, "memory.swap.max");
});

Deno.test("a burst that the old quota does not allow comes after the new one", () => {
  const fs = tree();
  fs.fail("write /c/cpu.max.burst", EINVAL, 0);
  assertEquals(written({ cpu: { quota: 50, burst: 10 } }, fs), [
    "cpu.max.burst 10",
    "cpu.max 50 100000",
    "cpu.max.burst 10",
  ]);
});

Deno.test("checkBeforeUpdate refuses a limit below what is used", () => {
  const fs = tree();
  fs.put("/c", "memory.current", "100\n");
  fs.put("/c", "memory.swap.current", "20\n");
  const set = (limit: number, swap?: number) => () =>
    written({ memory: { limit, swap, checkBeforeUpdate: true } }, fs);
  assertThrows(set(100), RuntimeError, "rejecting memory limit 100 <= usage 100");
  assertThrows(set(110, 120), RuntimeError, "rejecting memory+swap limit 120 <= usage 120");
  set(101, 121)();
  const blind = tree({ without: ["memory.current"] });
  assertEquals(written({ memory: { limit: 1, checkBeforeUpdate: true } }, blind), ["memory.max 1"]);
});

Deno.test("a unified file of a controller that is not there", () => {
  const missing = 'unified resource "rdma.high" can\'t be set: controller "rdma" not available';
  assertThrows(() => written({ unified: { "rdma.high": "1" } }), RuntimeError, missing);
  const fs = tree();
  fs.fail("write /c/memory.high", EPERM);
  assertThrows(
    () => written({ unified: { "memory.high": "1" } }, fs),
    RuntimeError,
    "memory.high: operation not permitted",
  );
  fs.fail("write /c/memory.high", ENOENT);
  assertThrows(
    () => written({ unified: { "memory.high": "1" } }, fs),
    RuntimeError,
    "memory.high: no such file",
  );
  assertThrows(() => written({ unified: { "../x": "1" } }), RuntimeError, "must be a file name (no slashes)");
});

Deno.test("a page size that the host does not have", () => {
  assertThrows(
    () => written({ hugepageLimits: [{ pageSize: "1GB", limit: 1 }] }),
    RuntimeError,
    'invalid hugepage size "1GB"',
  );
});

Deno.test("limits of a container without a cgroup", () => {
  const resources = { pids: { limit: 1 } };
  const rows = rowsV2(resources, { pageSizes: () => [], exists: () => false });
  assertThrows(
    () => applyRows(tree(), {}, resources, rows, "all"),
    RuntimeError,
    "cannot set pids limit: container could not join or create cgroup (linux.resources.pids.limit asks for it)",
  );
});
