import { assertEquals, assertThrows } from "@std/assert";
import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { HUGEPAGES_DIRECTORY } from "../hugetlb.ts";
import { applyResources } from "./apply.ts";

const CONTROLLERS = ["cpuset", "memory", "cpu", "pids", "blkio", "hugetlb", "net_cls", "net_prio", "rdma"];
const PATHS: Record<string, string> = Object.fromEntries(CONTROLLERS.map((name) => [name, `/${name}/c`]));
const FILES: Record<string, string[]> = {
  cpuset: ["cpuset.cpus", "cpuset.mems"],
  memory: [
    "memory.limit_in_bytes",
    "memory.memsw.limit_in_bytes",
    "memory.soft_limit_in_bytes",
    "memory.kmem.limit_in_bytes",
    "memory.kmem.tcp.limit_in_bytes",
    "memory.oom_control",
    "memory.swappiness",
    "memory.use_hierarchy",
    "memory.usage_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.memsw.usage_in_bytes",
  ],
  cpu: [
    "cpu.shares",
    "cpu.cfs_period_us",
    "cpu.cfs_quota_us",
    "cpu.cfs_burst_us",
    "cpu.idle",
    "cpu.rt_period_us",
    "cpu.rt_runtime_us",
  ],
  pids: ["pids.max"],
  blkio: [
    "blkio.weight",
    "blkio.leaf_weight",
    "blkio.weight_device",
    "blkio.leaf_weight_device",
    "blkio.throttle.read_bps_device",
    "blkio.throttle.write_bps_device",
    "blkio.throttle.read_iops_device",
    "blkio.throttle.write_iops_device",
  ],
  hugetlb: ["hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.rsvd.limit_in_bytes", "hugetlb.1GB.limit_in_bytes"],
  net_cls: ["net_cls.classid"],
  net_prio: ["net_prio.ifpriomap"],
  rdma: ["rdma.max"],
};

function tree(without: string[] = []): FakeCgroupFs {
  const pages = ["hugepages-2048kB", "hugepages-1048576kB"].map((name) => `${HUGEPAGES_DIRECTORY}/${name}`);
  return new FakeCgroupFs([...Object.values(PATHS), ...pages], (dir) => {
    const names = (FILES[dir.split("/")[1]] ?? []).filter((name) => !without.includes(name));
    return Object.fromEntries(names.map((name) => [name, "0\n"]));
  });
}

/** What is written, as `file value` without directories. */
function written(resources: LinuxResources, fs = tree(), phase: "all" | "beforeJoin" = "all"): string[] {
  applyResources(fs, PATHS, resources, phase);
  return fs.writes.map((line) => line.slice(line.lastIndexOf("/c/") + 3));
}

const device = { major: 8, minor: 16 };
/** What a field of the resources makes the driver write. */
const FIELD_CASES: [name: string, resources: LinuxResources, writes: string[]][] = [
  ["nothing", {}, []],
  ["empty objects", { memory: {}, cpu: {}, pids: {}, blockIO: {}, network: {}, rdma: {} }, []],
  ["cpus and mems", { cpu: { cpus: "0-1", mems: "0" } }, ["cpuset.cpus 0-1", "cpuset.mems 0"]],
  ["empty cpus are unset", { cpu: { cpus: "", mems: "" } }, []],
  ["memory limit", { memory: { limit: 67108864 } }, ["memory.limit_in_bytes 67108864"]],
  ["limit and swap", { memory: { limit: 100, swap: 200 } }, [
    "memory.limit_in_bytes 100",
    "memory.memsw.limit_in_bytes 200",
  ]],
  ["no limit, so no swap limit", { memory: { limit: -1 } }, [
    "memory.limit_in_bytes -1",
    "memory.memsw.limit_in_bytes -1",
  ]],
  ["no limit, but a swap limit", { memory: { limit: -1, swap: 300 } }, [
    "memory.limit_in_bytes -1",
    "memory.memsw.limit_in_bytes 300",
  ]],
  ["0 is unset", { memory: { limit: 0, swap: 0, reservation: 0, kernel: 0 } }, []],
  ["reservation", { memory: { reservation: 5 } }, ["memory.soft_limit_in_bytes 5"]],
  ["kernel memory", { memory: { kernel: 5, kernelTCP: 6 } }, [
    "memory.kmem.limit_in_bytes 5",
    "memory.kmem.tcp.limit_in_bytes 6",
  ]],
  ["oom killer off", { memory: { disableOOMKiller: true } }, ["memory.oom_control 1"]],
  ["oom killer on is the default", { memory: { disableOOMKiller: false } }, []],
  ["hierarchy", { memory: { useHierarchy: true } }, ["memory.use_hierarchy 1"]],
  ["no hierarchy", { memory: { useHierarchy: false } }, []],
  ["swappiness", { memory: { swappiness: 0 } }, ["memory.swappiness 0"]],
  ["swappiness -1 as an unsigned number", { memory: { swappiness: 18446744073709551615n } }, []],
  ["the same, rounded by JSON", { memory: { swappiness: 2 ** 64 } }, []],
  ["a limit beyond 2^53", { memory: { limit: 9223372036854771712n } }, [
    "memory.limit_in_bytes 9223372036854771712",
  ]],
  ["the largest limit", { memory: { limit: 2n ** 63n - 1n } }, [
    "memory.limit_in_bytes 9223372036854775807",
  ]],
  ["shares", { cpu: { shares: 512 } }, ["cpu.shares 512"]],
  ["quota and period", { cpu: { quota: 50000, period: 100000 } }, [
    "cpu.cfs_period_us 100000",
    "cpu.cfs_quota_us 50000",
  ]],
  ["no quota", { cpu: { quota: -1 } }, ["cpu.cfs_quota_us -1"]],
  ["quota 0 is unset", { cpu: { quota: 0, period: 0, shares: 0 } }, []],
  ["burst, 0 too", { cpu: { burst: 0 } }, ["cpu.cfs_burst_us 0"]],
  ["idle", { cpu: { idle: 1 } }, ["cpu.idle 1"]],
  ["real time", { cpu: { realtimePeriod: 1000000, realtimeRuntime: 950000 } }, [
    "cpu.rt_period_us 1000000",
    "cpu.rt_runtime_us 950000",
  ]],
  ["pids", { pids: { limit: 50 } }, ["pids.max 50"]],
  ["pids -1", { pids: { limit: -1 } }, ["pids.max max"]],
  ["pids 0", { pids: { limit: 0 } }, ["pids.max 1"]],
  ["weights", { blockIO: { weight: 300, leafWeight: 10 } }, ["blkio.weight 300", "blkio.leaf_weight 10"]],
  ["weights by device", {
    blockIO: { weightDevice: [{ ...device, weight: 500 }, { ...device, leafWeight: 300 }] },
  }, ["blkio.weight_device 8:16 500", "blkio.leaf_weight_device 8:16 300"]],
  ["throttles", {
    blockIO: {
      throttleReadBpsDevice: [{ ...device, rate: 1 }, { major: 8, minor: 0, rate: 5 }],
      throttleWriteBpsDevice: [{ ...device, rate: 2 }],
      throttleReadIOPSDevice: [{ ...device, rate: 3 }],
      throttleWriteIOPSDevice: [{ ...device, rate: 0 }],
    },
  }, [
    "blkio.throttle.read_bps_device 8:16 1",
    "blkio.throttle.read_bps_device 8:0 5",
    "blkio.throttle.write_bps_device 8:16 2",
    "blkio.throttle.read_iops_device 8:16 3",
    "blkio.throttle.write_iops_device 8:16 0",
  ]],
  ["huge pages", { hugepageLimits: [{ pageSize: "2MB", limit: 4194304 }, { pageSize: "1GB", limit: 0 }] }, [
    "hugetlb.2MB.limit_in_bytes 4194304",
    "hugetlb.2MB.rsvd.limit_in_bytes 4194304",
    "hugetlb.1GB.limit_in_bytes 0",
  ]],
  ["network", {
    network: { classID: 1048577, priorities: [{ name: "lo", priority: 1 }, { name: "e", priority: 0 }] },
  }, [
    "net_cls.classid 1048577",
    "net_prio.ifpriomap lo 1",
    "net_prio.ifpriomap e 0",
  ]],
  ["rdma", { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 }, mlx4_0: { hcaObjects: 1 } } }, [
    "rdma.max mlx5_1 hca_handle=3 hca_object=10000",
    "rdma.max mlx4_0 hca_object=1",
  ]],
];

Deno.test("each field becomes its file", async (t) => {
  for (const [name, resources, writes] of FIELD_CASES) {
    await t.step(name, () => assertEquals(written(resources), writes));
  }
});

Deno.test("only what a process needs to enter is written before it does", () => {
  const resources = { cpu: { cpus: "0", shares: 9, realtimeRuntime: 5 }, memory: { limit: 5 } };
  assertEquals(written(resources, tree(), "beforeJoin"), ["cpuset.cpus 0", "cpu.rt_runtime_us 5"]);
});

Deno.test("a value that clashes with an old one is written again after its partner", async (t) => {
  const cases: [LinuxResources, file: string, writes: string[]][] = [
    [{ memory: { limit: 9, swap: 10 } }, "/memory/c/memory.limit_in_bytes", [
      "memory.limit_in_bytes 9",
      "memory.memsw.limit_in_bytes 10",
      "memory.limit_in_bytes 9",
    ]],
    [{ memory: { limit: -1 } }, "/memory/c/memory.limit_in_bytes", [
      "memory.limit_in_bytes -1",
      "memory.memsw.limit_in_bytes -1",
      "memory.limit_in_bytes -1",
    ]],
    [{ cpu: { period: 10, quota: 20 } }, "/cpu/c/cpu.cfs_period_us", [
      "cpu.cfs_period_us 10",
      "cpu.cfs_quota_us 20",
      "cpu.cfs_period_us 10",
    ]],
    [{ cpu: { burst: 10, quota: 20 } }, "/cpu/c/cpu.cfs_burst_us", [
      "cpu.cfs_burst_us 10",
      "cpu.cfs_quota_us 20",
      "cpu.cfs_burst_us 10",
    ]],
    [{ cpu: { realtimePeriod: 10, realtimeRuntime: 20 } }, "/cpu/c/cpu.rt_period_us", [
      "cpu.rt_period_us 10",
      "cpu.rt_runtime_us 20",
      "cpu.rt_period_us 10",
    ]],
  ];
  for (const [resources, file, writes] of cases) {
    await t.step(file, () => {
      const fs = tree();
      fs.fail(`write ${file}`, EINVAL, 0);
      assertEquals(written(resources, fs), writes);
      fs.fail(`write ${file}`, EINVAL);
      assertThrows(() => written(resources, fs), RuntimeError, `write ${file}: invalid argument`);
    });
  }
});

Deno.test("without a partner a refused value is an error at once", () => {
  const fs = tree();
  fs.fail("write /cpu/c/cpu.cfs_period_us", EINVAL);
  assertThrows(
    () => written({ cpu: { period: 7 } }, fs),
    RuntimeError,
    'failed to write "7": write /cpu/c/cpu.cfs_period_us: invalid argument',
  );
});

Deno.test("bfq's files are used where the kernel has those", () => {
  const fs = () => {
    const made = tree(["blkio.weight", "blkio.weight_device"]);
    for (const name of ["blkio.bfq.weight", "blkio.bfq.weight_device"]) made.put("/blkio/c", name, "");
    return made;
  };
  assertEquals(written({ blockIO: { weight: 300 } }, fs()), ["blkio.bfq.weight 300"]);
  const weightDevice = [{ major: 8, minor: 0, weight: 11 }];
  assertEquals(written({ blockIO: { weightDevice } }, fs()), ["blkio.bfq.weight_device 8:0 11"]);
});

Deno.test("knobs that a kernel lacks: some are passed over, the others are errors", () => {
  const gone = ["cpu.cfs_burst_us", "memory.kmem.limit_in_bytes", "memory.memsw.limit_in_bytes", "cpu.idle"];
  assertEquals(written({ cpu: { burst: 4 }, memory: { kernel: 5, limit: -1 } }, tree(gone)), [
    "memory.limit_in_bytes -1",
  ]);
  const refusing = tree();
  refusing.fail("write /memory/c/memory.kmem.limit_in_bytes", EOPNOTSUPP);
  written({ memory: { kernel: 5 } }, refusing);
  assertThrows(
    () => written({ memory: { limit: 100, swap: 200 } }, tree(gone)),
    RuntimeError,
    'failed to write "200": open /memory/c/memory.memsw.limit_in_bytes: no such file or directory',
  );
  assertThrows(() => written({ cpu: { idle: 1 } }, tree(gone)), RuntimeError, "cpu.idle: no such file");
});

Deno.test("shares that the kernel moved into its range are an error", () => {
  const clamping = (low: number, high: number) => {
    const fs = tree();
    fs.keepAs("/cpu/c/cpu.shares", (value) => String(Math.min(high, Math.max(low, Number(value)))));
    return fs;
  };
  assertThrows(
    () => written({ cpu: { shares: 300000 } }, clamping(2, 262144)),
    RuntimeError,
    "the maximum allowed cpu-shares is 262144",
  );
  assertThrows(
    () => written({ cpu: { shares: 1 } }, clamping(2, 262144)),
    RuntimeError,
    "the minimum allowed cpu-shares is 2",
  );
  assertEquals(written({ cpu: { shares: 262144 } }, clamping(2, 262144)), ["cpu.shares 262144"]);
});

Deno.test("a memory limit that reclaim cannot reach says how much is used", () => {
  const fs = tree();
  fs.fail("write /memory/c/memory.limit_in_bytes", EBUSY);
  fs.put("/memory/c", "memory.usage_in_bytes", "5000\n");
  fs.put("/memory/c", "memory.max_usage_in_bytes", "9000\n");
  assertThrows(
    () => written({ memory: { limit: 4096 } }, fs),
    RuntimeError,
    "unable to set memory limit to 4096 (current usage: 5000, peak usage: 9000)",
  );
});

Deno.test("checkBeforeUpdate refuses a limit below what is used", () => {
  const fs = tree();
  fs.put("/memory/c", "memory.usage_in_bytes", "5000\n");
  fs.put("/memory/c", "memory.memsw.usage_in_bytes", "7000\n");
  const memory = { limit: 5000, swap: 8000 };
  assertEquals(written({ memory }, fs).length, 2);
  assertThrows(
    () => written({ memory: { ...memory, checkBeforeUpdate: true } }, fs),
    RuntimeError,
    "rejecting memory limit 5000 <= usage 5000",
  );
  assertThrows(
    () => written({ memory: { limit: 5001, swap: 6000, checkBeforeUpdate: true } }, fs),
    RuntimeError,
    "rejecting memory+swap limit 6000 <= usage 7000",
  );
});

Deno.test("values that no file would take are refused", () => {
  const cases: [LinuxResources, string][] = [
    [{ memory: { swappiness: 101 } }, "invalid memory swappiness value: 101 (valid range is 0-100)"],
    [
      { hugepageLimits: [{ pageSize: "3MB", limit: 1 }] },
      'invalid hugepage size "3MB" (this host has: 2MB, 1GB)',
    ],
    [{ hugepageLimits: [{ pageSize: "../x/2MB", limit: 1 }] }, 'invalid hugepage size "../x/2MB"'],
  ];
  for (const [resources, message] of cases) {
    const fs = tree();
    assertThrows(() => written(resources, fs), RuntimeError, message);
    assertEquals(fs.writes, []);
  }
});

Deno.test("a limit on a controller that the container is not in is refused before anything is written", async (t) => {
  const cases: [LinuxResources, controller: string][] = [
    [{ cpu: { cpus: "0" } }, "cpuset"],
    [{ pids: { limit: 1 } }, "pids"],
    [{ memory: { limit: 1 } }, "memory"],
    [{ hugepageLimits: [{ pageSize: "2MB", limit: 1 }] }, "hugetlb"],
    [{ network: { classID: 1 } }, "net_cls"],
    [{ rdma: { x: { hcaHandles: 1 } } }, "rdma"],
  ];
  for (const [resources, controller] of cases) {
    await t.step(controller, () => {
      const fs = tree();
      const { [controller]: _, ...paths } = PATHS;
      assertThrows(
        () => applyResources(fs, paths, { ...resources, blockIO: { weight: 10 } }, "all"),
        RuntimeError,
        `cannot set ${controller} limit: container could not join or create cgroup`,
      );
      assertEquals(fs.writes, []);
    });
  }
  applyResources(tree(), {}, { memory: { disableOOMKiller: false } }, "all");
});

Deno.test("an old hugetlb without reservations is fine, one without the file is not", () => {
  const resources = { hugepageLimits: [{ pageSize: "2MB", limit: 7 }] };
  assertEquals(written(resources, tree(["hugetlb.2MB.rsvd.limit_in_bytes"])), [
    "hugetlb.2MB.limit_in_bytes 7",
  ]);
  const fs = tree(["hugetlb.2MB.limit_in_bytes"]);
  const error = assertThrows(() => written(resources, fs), RuntimeError);
  assertEquals((error as unknown as { errno: number }).errno, ENOENT);
});
