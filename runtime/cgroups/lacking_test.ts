/** What a host's cgroups lack for limits: cgroup v1 and v2 as trees in memory. */
import { assertEquals } from "@std/assert";
import type { LinuxResources } from "../../spec/types.ts";
import { FakeCgroupFs } from "./fs_testing.ts";
import { HUGEPAGES_DIRECTORY } from "./hugetlb.ts";
import { lackingLimits } from "./lacking.ts";
import type { CgroupHost } from "./types.ts";

const ROOT = "/sys/fs/cgroup";

/** A host of v1 with these controllers, each with a child cgroup that has these files. */
function hostV1(files: Readonly<Record<string, readonly string[]>>): CgroupHost {
  const names = Object.keys(files), roots = names.map((name) => `${ROOT}/${name}`);
  const fs = new FakeCgroupFs([ROOT, ...roots, "/sys/kernel/mm", HUGEPAGES_DIRECTORY]);
  fs.mkdir(`${HUGEPAGES_DIRECTORY}/hugepages-2048kB`);
  for (const name of names) {
    fs.mkdir(`${ROOT}/${name}/child`);
    for (const file of files[name]) fs.put(`${ROOT}/${name}/child`, file, "");
  }
  if (names.includes("cpuset")) fs.put(`${ROOT}/cpuset`, "cpuset.cpus", "0-3\n");
  const mounts = names.map((name) => ({
    version: 1 as const,
    controllers: [name],
    mountpoint: `${ROOT}/${name}`,
    root: "/",
  }));
  return { fs, mounts, own: () => new Map() };
}

/** A host of v2 with these controllers. */
function hostV2(controllers: string): CgroupHost {
  const fs = new FakeCgroupFs([ROOT, "/sys/kernel/mm", HUGEPAGES_DIRECTORY]);
  fs.mkdir(`${HUGEPAGES_DIRECTORY}/hugepages-1048576kB`);
  fs.put(ROOT, "cgroup.controllers", `${controllers}\n`);
  fs.put(ROOT, "cpuset.cpus.effective", "0-3\n");
  const mounts = [{ version: 2 as const, controllers: ["unified"], mountpoint: ROOT, root: "/" }];
  return { fs, mounts, own: () => new Map() };
}

/** What is lacking, as lines; what is only left out is in parentheses. */
function lacks(host: CgroupHost, resources: LinuxResources, barred: string[] = []): string[] {
  return lackingLimits(host, resources, new Set(barred)).map(({ path, reason, dropped }) => {
    const line = `${path}: ${reason}`;
    return dropped ? `(${line})` : line;
  });
}

const V1 = hostV1({
  memory: ["memory.limit_in_bytes"],
  pids: ["pids.max"],
  cpuset: ["cpuset.cpus"],
  cpu: ["cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.shares"],
  blkio: ["blkio.bfq.weight"],
});

Deno.test("lacking on v1: controllers, files, page sizes, CPUs", () => {
  assertEquals(lacks(V1, { memory: { limit: 1 << 20 }, pids: { limit: 5 }, cpu: { cpus: "0-1" } }), []);
  assertEquals(lacks(V1, { blockIO: { weight: 100 } }), [], "one of two files is enough");
  assertEquals(lacks(V1, { memory: { limit: 1 << 20, swap: 1 << 21 } }), [
    "memory.swap: this kernel's cgroups have no file memory.memsw.limit_in_bytes",
  ]);
  assertEquals(lacks(V1, { memory: { limit: -1, kernel: 4096 } }), [], "the driver does without these files");
  assertEquals(lacks(V1, { network: { classID: 5 }, rdma: { m: { hcaHandles: 1 } } }), [
    "network.classID: this host has no cgroup v1 controller net_cls",
    "rdma: this host has no cgroup v1 controller rdma",
  ]);
  assertEquals(lacks(V1, { hugepageLimits: [{ pageSize: "1GB", limit: 1 }] }), [
    "hugepageLimits[0].pageSize: this host has no huge pages of 1GB",
  ]);
  assertEquals(lacks(V1, { cpu: { cpus: "2-5" }, unified: { "memory.high": "1" } }), [
    "unified: cgroup v1 has no unified files",
    "cpu.cpus: this host has not the CPUs 4,5",
  ]);
  assertEquals(lacks(V1, { pids: { limit: 5 } }, ["pids"]), [
    "pids.limit: you may not make a cgroup of the pids controller",
  ]);
});

Deno.test("lacking on v2: controllers, and fields that only v1 has", () => {
  const host = hostV2("cpuset cpu io memory hugetlb");
  assertEquals(lacks(host, { memory: { limit: 1 << 20 }, cpu: { quota: 50000 } }), []);
  assertEquals(lacks(host, { pids: { limit: 5 }, unified: { "misc.max": "x", "memory.high": "1" } }), [
    "pids.limit: this host's cgroup v2 has no pids controller",
    'unified["misc.max"]: this host\'s cgroup v2 has no misc controller',
  ]);
  assertEquals(lacks(host, { memory: { swappiness: 10 }, network: { classID: 1 }, cpu: { cpus: "9" } }), [
    "(memory.swappiness: has no counterpart on cgroup v2: ignored)",
    "(network: has no counterpart on cgroup v2: ignored)",
    "(cpu.cpus: this host has not the CPUs 9)",
  ]);
  assertEquals(lacks(host, { memory: { limit: 1 << 20 } }, ["unified"]), [
    "memory.limit: you may not make a cgroup of the memory controller",
  ]);
});

Deno.test("lacking on any host: values that every kernel refuses", () => {
  for (const host of [V1, hostV2("cpu pids")]) {
    const found = lackingLimits(host, { cpu: { period: 10, quota: 10 }, pids: { limit: 5_000_000 } });
    assertEquals(found.map(({ path }) => path), ["cpu.period", "cpu.quota", "pids.limit"]);
    assertEquals(lacks(host, { cpu: { period: 1000, quota: -1 }, pids: { limit: -1 } }), []);
  }
});
