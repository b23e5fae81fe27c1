import { assertEquals, assertThrows } from "@std/assert";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { parseVersion } from "./manager.ts";
import { birthProperties, bitsOf, propertiesV1, propertiesV2, roundQuota } from "./properties.ts";

const INFINITY = 2n ** 64n - 1n;

/** Properties as `Name=value`, in order. */
function text(properties: ReturnType<typeof propertiesV2>): string[] {
  return properties.map(([name, { value }]) =>
    `${name}=${value instanceof Uint8Array ? `[${value}]` : value}`
  );
}

const v2 = (resources: LinuxResources, version = 252) => text(propertiesV2(resources, () => version));
const v1 = (resources: LinuxResources, version = 252) => text(propertiesV1(resources, () => version));

Deno.test("limits as properties on v2", () => {
  const cases: [LinuxResources, string[]][] = [
    [{}, []],
    [{ memory: { limit: 1000, reservation: 500, swap: 3000 } }, [
      "MemoryMax=1000",
      "MemoryLow=500",
      "MemorySwapMax=2000",
    ]],
    [{ memory: { limit: -1, swap: -1 } }, [`MemoryMax=${INFINITY}`, `MemorySwapMax=${INFINITY}`]],
    [{ memory: { limit: 0, reservation: 0 } }, []],
    [{ memory: { limit: 1000, swap: 1000 } }, ["MemoryMax=1000", "MemorySwapMax=0"]],
    [{ cpu: { shares: 1024 } }, ["CPUWeight=100"]],
    [{ cpu: { shares: 0 } }, []],
    [{ cpu: { shares: 1024, idle: 1 } }, ["CPUWeight=0"]],
    [{ cpu: { shares: 1024, idle: 0 } }, ["CPUWeight=100"]],
    [{ cpu: { quota: 5000, period: 10000 } }, ["CPUQuotaPeriodUSec=10000", "CPUQuotaPerSecUSec=500000"]],
    [{ cpu: { quota: 33333 } }, ["CPUQuotaPerSecUSec=340000"]],
    [{ cpu: { quota: -1, period: 50000 } }, ["CPUQuotaPeriodUSec=50000", `CPUQuotaPerSecUSec=${INFINITY}`]],
    [{ cpu: { quota: -1 } }, [`CPUQuotaPerSecUSec=${INFINITY}`]],
    [{ cpu: { cpus: "0-3,9", mems: "0" } }, ["AllowedCPUs=[15,2]", "AllowedMemoryNodes=[1]"]],
    [{ pids: { limit: 50 } }, ["TasksMax=50"]],
    [{ pids: { limit: 0 } }, ["TasksMax=1"]],
    [{ pids: { limit: -1 } }, [`TasksMax=${INFINITY}`]],
    [{ blockIO: { weight: 1000 } }, ["IOWeight=10000"]],
    [{ network: { classID: 5 }, hugepageLimits: [{ pageSize: "2MB", limit: 0 }] }, []],
  ];
  for (const [resources, expected] of cases) assertEquals(v2(resources), expected, JSON.stringify(resources));
});

Deno.test("files of v2 that systemd has properties for", () => {
  const cases: [Record<string, string>, string[]][] = [
    [{ "memory.high": "max", "memory.min": " 5 " }, [`MemoryHigh=${INFINITY}`, "MemoryMin=5"]],
    [{ "memory.low": "1", "memory.max": "2", "memory.swap.max": "3" }, [
      "MemoryLow=1",
      "MemoryMax=2",
      "MemorySwapMax=3",
    ]],
    [{ "pids.max": "0" }, ["TasksMax=1"]],
    [{ "pids.max": "max" }, [`TasksMax=${INFINITY}`]],
    [{ "cpu.weight": "55" }, ["CPUWeight=55"]],
    [{ "cpu.weight": "55", "cpu.idle": "1" }, ["CPUWeight=0"]],
    [{ "cpu.idle": "0" }, []],
    [{ "cpu.max": "max" }, ["CPUQuotaPeriodUSec=100000", `CPUQuotaPerSecUSec=${INFINITY}`]],
    [{ "cpu.max": "20000 50000" }, ["CPUQuotaPeriodUSec=50000", "CPUQuotaPerSecUSec=400000"]],
    [{ "cpuset.cpus": "1", "cpuset.mems": "0-1" }, ["AllowedCPUs=[2]", "AllowedMemoryNodes=[3]"]],
    [{ "io.weight": "8:0 300\ndefault 200" }, ["IOWeight=200"]],
    [{ "io.weight": "8:0 300" }, []],
    [{ "hugetlb.2MB.max": "0", "io.max": "8:0 rbps=1", "memory.oom.group": "1" }, []],
  ];
  for (const [unified, expected] of cases) assertEquals(v2({ unified }), expected, JSON.stringify(unified));
});

Deno.test("an older systemd is told only what it knows", () => {
  assertEquals(v2({ cpu: { quota: 5000, period: 10000 } }, 241), ["CPUQuotaPerSecUSec=500000"]);
  assertEquals(v2({ cpu: { cpus: "0", mems: "0" } }, 243), []);
  assertEquals(v2({ cpu: { idle: 1 } }, 251), []);
  assertEquals(v2({ unified: { "cpu.idle": "1", "memory.zswap.max": "1", "cpuset.cpus": "0" } }, 243), []);
  assertEquals(v2({ unified: { "memory.zswap.max": "1" } }, 253), ["MemoryZSwapMax=1"]);
});

Deno.test("systemd is asked for its version only where that matters", () => {
  const never = () => {
    throw new Error("asked");
  };
  propertiesV2({ memory: { limit: 1 }, cpu: { shares: 2, quota: 5 }, pids: { limit: 1 } }, never);
  birthProperties({ unified: { "memory.high": "1" } }, never);
  assertThrows(() => propertiesV2({ cpu: { period: 5 } }, never), Error, "asked");
});

Deno.test("limits as properties on v1", () => {
  const cases: [LinuxResources, string[]][] = [
    [{ memory: { limit: 1000, reservation: 500, swap: 3000 } }, ["MemoryLimit=1000"]],
    [{ memory: { limit: -1 } }, [`MemoryLimit=${INFINITY}`]],
    [{ cpu: { shares: 512, quota: 33333, period: 50000 } }, [
      "CPUShares=512",
      "CPUQuotaPeriodUSec=50000",
      "CPUQuotaPerSecUSec=670000",
    ]],
    [{ cpu: { shares: 512, idle: 1, cpus: "0" } }, []],
    [{ pids: { limit: 0 }, blockIO: { weight: 300 } }, ["TasksMax=1", "BlockIOWeight=300"]],
  ];
  for (const [resources, expected] of cases) assertEquals(v1(resources), expected, JSON.stringify(resources));
});

Deno.test("values that cannot be told are refused", () => {
  const cases: [LinuxResources, string][] = [
    [{ cpu: { cpus: "3-1" } }, 'linux.resources.cpu.cpus "3-1": invalid range "3-1"'],
    [{ cpu: { mems: "," } }, 'linux.resources.cpu.mems ",": empty value'],
    [{ unified: { "a/b": "1" } }, 'unified resource "a/b" must be a file name (no slashes)'],
    [{ unified: { memory: "1" } }, 'unified resource "memory" must be in the form CONTROLLER.PARAMETER'],
    [{ unified: { "memory.max": "lots" } }, 'unified resource "memory.max" value invalid: "lots"'],
    [{ unified: { "memory.max": "99999999999999999999" } }, 'unified resource "memory.max" value invalid'],
    [{ unified: { "cpu.max": "1 2 3" } }, 'unified resource "cpu.max" value invalid: "1 2 3"'],
    [{ memory: { swap: 5 } }, "unable to set swap limit without memory limit"],
  ];
  for (const [resources, message] of cases) assertThrows(() => v2(resources), RuntimeError, message);
});

Deno.test("the file gets the quota that systemd makes of it", () => {
  assertEquals(roundQuota({ cpu: { quota: 33333, period: 50000, shares: 2 } }), {
    cpu: { quota: 33500, period: 50000, shares: 2 },
  });
  assertEquals(roundQuota({ cpu: { quota: 33333 } }).cpu?.quota, 34000);
  for (const same of [{}, { cpu: { quota: 20000 } }, { cpu: { quota: -1 } }, { cpu: { period: 5 } }]) {
    assertEquals(roundQuota(same), same);
  }
});

Deno.test("what happens out of memory is settled at a unit's birth", () => {
  const birth = (group: string, version: number) =>
    text(birthProperties({ unified: { "memory.oom.group": group } }, () => version));
  assertEquals(birth("1", 253), ["OOMPolicy=kill"]);
  assertEquals(birth("0\n", 253), ["OOMPolicy=continue"]);
  assertEquals(birth("1", 252), []);
  assertEquals(birth("2", 253), []);
});

Deno.test("lists of CPUs as bits", () => {
  assertEquals([...bitsOf("0")], [1]);
  assertEquals([...bitsOf(" 8 , 1-2,,")], [6, 1]);
  assertEquals([...bitsOf("63")], [0, 0, 0, 0, 0, 0, 0, 128]);
  for (const wrong of ["", "a", "1-", "-1", "1-2-3", "999999"]) assertThrows(() => bitsOf(wrong), RangeError);
});

Deno.test("the version of systemd, as distributions write it", () => {
  const cases: [string, number][] = [["252.38-1~deb12u1", 252], ["v245.4-1.fc32", 245], ["219", 219], [
    "?",
    0,
  ]];
  for (const [version, number] of cases) assertEquals(parseVersion(version), number);
});
