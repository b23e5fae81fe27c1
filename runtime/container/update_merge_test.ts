import { assertEquals } from "@std/assert";
import type { LinuxResources } from "../../spec/types.ts";
import { mergeResources, toWrite } from "./update_merge.ts";

const DISK = { major: 8, minor: 0 }, OTHER = { major: 8, minor: 16 };

const OLD: LinuxResources = {
  devices: [{ allow: false, access: "rwm" }],
  memory: { limit: 100, swap: 200, disableOOMKiller: true },
  cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0-1" },
  pids: { limit: 10 },
  blockIO: { weight: 300, throttleReadBpsDevice: [{ ...DISK, rate: 7 }] },
};

function merged(change: LinuxResources): LinuxResources {
  return mergeResources(OLD, change);
}

Deno.test("what is not asked for, or asked for as unset, stays", () => {
  assertEquals(merged({}), OLD);
  const unset: LinuxResources = {
    memory: { limit: 0, swap: 0 },
    cpu: { shares: 0, quota: 0, period: 0, cpus: "" },
    pids: {},
    blockIO: { weight: 0, throttleReadBpsDevice: [] },
    hugepageLimits: [],
    unified: {},
  };
  assertEquals(merged(unset), OLD);
});

Deno.test("quota and period keep each other", () => {
  assertEquals(merged({ cpu: { quota: 20_000 } }).cpu, { ...OLD.cpu, quota: 20_000 });
  assertEquals(merged({ cpu: { period: 50_000 } }).cpu, { ...OLD.cpu, period: 50_000 });
});

Deno.test("zero is a value of burst, idle, swappiness and the number of tasks", () => {
  const change = { cpu: { burst: 0, idle: 0 }, memory: { swappiness: 0 }, pids: { limit: 0 } };
  const { cpu, memory, pids } = merged(change);
  assertEquals([cpu?.burst, cpu?.idle, memory?.swappiness, pids?.limit], [0, 0, 0, 0]);
});

Deno.test("no limit on memory takes the limit on swap along", () => {
  assertEquals(merged({ memory: { limit: -1 } }).memory, { limit: -1, swap: 0, disableOOMKiller: true });
  assertEquals(merged({ memory: { limit: -1, swap: 300 } }).memory?.swap, 300);
});

Deno.test("a check against the usage is a question of one update", () => {
  const once = merged({ memory: { limit: 50, checkBeforeUpdate: true } });
  assertEquals(once.memory?.checkBeforeUpdate, true);
  assertEquals("checkBeforeUpdate" in (mergeResources(once, { memory: { limit: 60 } }).memory ?? {}), false);
});

Deno.test("lists are merged by device, page size, interface; maps by key", () => {
  const result = merged({
    blockIO: {
      throttleReadBpsDevice: [{ ...DISK, rate: 8 }, { ...OTHER, rate: 9 }],
      weightDevice: [{ ...OTHER, weight: 20 }],
    },
    hugepageLimits: [{ pageSize: "2MB", limit: 5 }],
    network: { classID: 3, priorities: [{ name: "lo", priority: 1 }] },
    rdma: { a: { hcaHandles: 1 } },
    unified: { "memory.high": "5" },
  });
  assertEquals(result.blockIO?.throttleReadBpsDevice, [{ ...DISK, rate: 8 }, { ...OTHER, rate: 9 }]);
  assertEquals(result.blockIO?.weight, 300);
  const again = mergeResources(result, {
    blockIO: { weightDevice: [{ ...OTHER, leafWeight: 30 }] },
    hugepageLimits: [{ pageSize: "2MB", limit: 6 }, { pageSize: "1GB", limit: 7 }],
    network: { priorities: [{ name: "lo", priority: 2 }] },
    rdma: { b: { hcaObjects: 2 } },
    unified: { "memory.low": "1" },
  });
  assertEquals(again.blockIO?.weightDevice, [{ ...OTHER, weight: 20, leafWeight: 30 }]);
  assertEquals(again.hugepageLimits, [{ pageSize: "2MB", limit: 6 }, { pageSize: "1GB", limit: 7 }]);
  assertEquals(again.network, { classID: 3, priorities: [{ name: "lo", priority: 2 }] });
  assertEquals(again.rdma, { a: { hcaHandles: 1 }, b: { hcaObjects: 2 } });
  assertEquals(again.unified, { "memory.high": "5", "memory.low": "1" });
});

Deno.test("device rules are never changed", () => {
  const devices = [{ allow: true, access: "rwm" }];
  assertEquals(merged({ devices }).devices, OLD.devices);
  assertEquals(toWrite(merged({ devices }), { devices }), {});
});

Deno.test("a change writes its own groups, whole where values count on each other", () => {
  const write = (change: LinuxResources) => toWrite(merged(change), change);
  assertEquals(write({}), {});
  assertEquals(write({ memory: { limit: 150 } }), { memory: { ...OLD.memory, limit: 150 } });
  // A CPU that was taken away since does not matter to an update of the quota.
  assertEquals(write({ cpu: { quota: 1000 } }), { cpu: { shares: 512, quota: 1000, period: 100_000 } });
  assertEquals(write({ cpu: { cpus: "1" } }).cpu?.cpus, "1");
  assertEquals(write({ pids: { limit: 5 } }), { pids: { limit: 5 } });
  assertEquals(write({ blockIO: { weight: 10 } }), { blockIO: { weight: 10 } });
  const device = { weightDevice: [{ ...OTHER, leafWeight: 30 }] };
  const two = mergeResources(OLD, {
    blockIO: { weightDevice: [{ ...OTHER, weight: 20 }, { ...DISK, weight: 1 }] },
  });
  assertEquals(toWrite(mergeResources(two, { blockIO: device }), { blockIO: device }).blockIO, {
    weightDevice: [{ ...OTHER, weight: 20, leafWeight: 30 }],
  });
});
