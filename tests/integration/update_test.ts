/** `update`: what it changes, what it keeps, what it refuses. */
import { assert, assertEquals } from "@std/assert";
import type { Dict } from "../lib/bundle.ts";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { DISK, limitsOf } from "../lib/limits.ts";
import { exists } from "../lib/process.ts";
import { lacksController } from "../lib/skip.ts";

const MIB = 1 << 20;
const v1 = exists("/sys/fs/cgroup/memory") ? undefined : "this machine has no cgroup v1";
/** Where both versions of cgroups will do. */
const limited = ["memory", "cpu", "cpuset", "pids"].map(lacksController).find((reason) =>
  reason !== undefined
);
const memsw = v1 ??
  (exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes")
    ? undefined
    : "this kernel does not count swap");

function running(box: Box, resources: Dict = {}): Promise<Container> {
  return box.container({ process: { args: ["/bin/sleep", "60"] }, linux: { resources } }).started();
}

function update(container: Container, ...flags: string[]) {
  return container.box.cli(["update", ...flags, container.id]);
}

function updateWith(container: Container, resources: unknown) {
  const stdin = typeof resources === "string" ? resources : JSON.stringify(resources);
  return container.box.cli(["update", "--resources", "-", container.id], { stdin });
}

contract("update: each flag changes its file", async (box) => {
  const container = await running(box, { memory: { limit: 64 * MIB } });
  const changes: [flag: string, value: string, controller: string, file: string, content: string][] = [
    ["--memory", "128m", "memory", "memory.limit_in_bytes", String(128 * MIB)],
    ["--memory-reservation", "32MiB", "memory", "memory.soft_limit_in_bytes", String(32 * MIB)],
    ["--cpu-share", "300", "cpu", "cpu.shares", "300"],
    ["--cpu-period", "50000", "cpu", "cpu.cfs_period_us", "50000"],
    ["--cpu-quota", "20000", "cpu", "cpu.cfs_quota_us", "20000"],
    ["--cpuset-cpus", "0", "cpuset", "cpuset.cpus", "0"],
    ["--cpuset-mems", "0", "cpuset", "cpuset.mems", "0"],
    ["--pids-limit", "17", "pids", "pids.max", "17"],
    ["--pids-limit", "-1", "pids", "pids.max", "max"],
  ];
  for (const [flag, value, controller, file, content] of changes) {
    assertOk(await update(container, flag, value));
    assertEquals(container.cgroup(controller, file), content, flag);
  }
  assertEquals(container.cgroup("cpu", "cpu.shares"), "300");
}, { skip: v1 });

contract("update: burst and idle", async (box) => {
  const container = await running(box, { cpu: { shares: 400, quota: 50_000, period: 100_000 } });
  assertOk(await update(container, "--cpu-burst", "10000"));
  assertEquals(container.cgroup("cpu", "cpu.cfs_burst_us"), "10000");
  assertOk(await update(container, "--cpu-idle", "1"));
  assertEquals(container.cgroup("cpu", "cpu.idle"), "1");
  assertOk(await update(container, "--cpu-idle", "0"));
  assertEquals([container.cgroup("cpu", "cpu.idle"), container.cgroup("cpu", "cpu.shares")], ["0", "400"]);
  assertError(await update(container, "--cpu-burst", "60000"), /burst 60000 is larger than quota 50000/);
}, { skip: v1, notOnReference: "runc 1.1.5 has no such flags" });

contract("update: JSON on standard input, as go-runc sends it, or in a file", async (box) => {
  const container = await running(box);
  assertOk(
    await updateWith(container, {
      memory: { limit: 96 * MIB, reservation: null },
      cpu: { shares: 222, cpus: "0" },
      pids: { limit: 33 },
      blockIO: null,
      devices: [{ allow: true, access: "rwm" }],
    }),
  );
  const seen = [
    container.cgroup("memory", "memory.limit_in_bytes"),
    container.cgroup("cpu", "cpu.shares"),
    container.cgroup("cpuset", "cpuset.cpus"),
    container.cgroup("pids", "pids.max"),
  ];
  assertEquals(seen, [String(96 * MIB), "222", "0", "33"]);
  Deno.writeTextFileSync(`${box.dir}/limits.json`, '{"pids":{"limit":44}}');
  assertOk(await update(container, "-r", `${box.dir}/limits.json`, "--pids-limit", "55"));
  assertEquals(container.cgroup("pids", "pids.max"), "44");
}, { skip: v1, notOnReference: "runc 1.1.5 crashes on null objects" });

contract("update: devices are left alone", async (box) => {
  const container = await running(box);
  const before = container.cgroup("devices", "devices.list");
  Deno.writeTextFileSync(`/sys/fs/cgroup/devices/${container.id}/devices.allow`, "c 10:229 rw");
  const after = container.cgroup("devices", "devices.list");
  assert(before !== after);
  assertOk(await updateWith(container, { devices: [{ allow: false, access: "rwm" }], pids: { limit: 9 } }));
  assertEquals(container.cgroup("devices", "devices.list"), after);
}, { skip: v1 });

contract("update: memory and swap move together, up and down", async (box) => {
  const container = await running(box, { memory: { limit: 64 * MIB, swap: 96 * MIB } });
  const limits = () => [
    Number(container.cgroup("memory", "memory.limit_in_bytes")) / MIB,
    Number(container.cgroup("memory", "memory.memsw.limit_in_bytes")) / MIB,
  ];
  assertOk(await update(container, "--memory", "256m", "--memory-swap", "512m"));
  assertEquals(limits(), [256, 512]);
  assertOk(await update(container, "--memory", "16m", "--memory-swap", "32m"));
  assertEquals(limits(), [16, 32]);
  const result = await update(container, "--memory", "64m");
  assertEquals(result.code, 1, "a memory limit above the limit on memory and swap");
  assertEquals(limits(), [16, 32]);
  assertOk(await update(container, "--memory", "-1"));
  assertEquals(container.cgroup("memory", "memory.memsw.limit_in_bytes"), "9223372036854771712");
}, { skip: memsw });

contract("update: of several limits none is changed when one is refused", async (box) => {
  const container = await running(box, { memory: { limit: 64 * MIB }, cpu: { quota: 50_000 } });
  const flags = ["--memory", "32m", "--cpuset-cpus", "0", "--pids-limit", "20"];
  const before = limitsOf(container);
  assertEquals([before.memory, before.quota, before.pids], [String(64 * MIB), "50000", "max"]);
  assertError(
    await update(container, ...flags, "--cpu-quota", "7"),
    /(cpu.cfs_quota_us|cpu.max).*invalid argument/,
  );
  assertEquals(limitsOf(container), before);
}, { skip: limited, notOnReference: "runc 1.1.5 gives back only what was set before" });

contract("update: later updates build on earlier ones", async (box) => {
  const container = await running(box, {
    cpu: { quota: 50_000, period: 100_000 },
    memory: { limit: 64 * MIB },
  });
  assertOk(await update(container, "--cpu-quota", "30000"));
  assertOk(await update(container, "--memory", "32m"));
  assertEquals(limitsOf(container).quota, "30000");
  assertOk(await update(container, "--cpu-period", "60000"));
  const { memory, quota, period } = limitsOf(container);
  assertEquals([memory, quota, period], [String(32 * MIB), "30000", "60000"]);
}, { skip: limited });

contract("update: many at the same time all count", async (box) => {
  const container = await running(box, { cpu: { quota: 50_000, period: 100_000 } });
  const results = await Promise.all([
    ["--cpu-quota", "40000"],
    ["--cpu-period", "200000"],
    ["--pids-limit", "12"],
    ["--memory", "48m"],
  ].map((flags) => update(container, ...flags)));
  results.forEach(assertOk);
  const { memory, quota, period, pids } = limitsOf(container);
  assertEquals([memory, quota, period, pids], [String(48 * MIB), "40000", "200000", "12"]);
}, { skip: limited, notOnReference: "runc takes no lock: one update writes back what another has changed" });

contract("update: what is refused at the end leaves all as it was", async (box) => {
  const [major, minor] = DISK!.split(":").map(Number);
  const container = await running(box, {
    cpu: { shares: 400, quota: 50_000, period: 100_000, burst: 1000 },
    memory: { limit: 64 * MIB, swappiness: 20 },
    pids: { limit: 50 },
  });
  const files = ["cpu.shares", "cpu.idle", "cpu.cfs_quota_us", "cpu.cfs_period_us", "cpu.cfs_burst_us"]
    .map((file) => ["cpu", file]).concat([
      ["memory", "memory.limit_in_bytes"],
      ["memory", "memory.swappiness"],
      ["memory", "memory.oom_control"],
      ["cpuset", "cpuset.cpus"],
      ["pids", "pids.max"],
      ["blkio", "blkio.throttle.write_iops_device"],
    ]);
  const contents = () => files.map(([controller, file]) => container.cgroup(controller, file));
  const before = contents();
  const result = await updateWith(container, {
    cpu: { shares: 7, idle: 1, quota: 20_000, period: 40_000, burst: 2000, cpus: "0" },
    memory: { limit: 96 * MIB, swappiness: 3, disableOOMKiller: true },
    pids: { limit: 3 },
    blockIO: { throttleWriteIOPSDevice: [{ major, minor, rate: 77 }, { major: 999, minor: 9, rate: 1 }] },
  });
  assertError(result, /"999:9 1".*no such device/);
  assertEquals(contents(), before);
}, {
  skip: v1 ?? (DISK ? undefined : "this machine has no disk"),
  notOnReference: "runc 1.1.5 gives back only what was set before",
});

contract("update: where it cannot be saved, nothing is changed", async (box) => {
  const container = await running(box, { pids: { limit: 30 } });
  const inTheWay = `${box.root}/${container.id}/resources.json.new`;
  Deno.mkdirSync(`${inTheWay}/x`, { recursive: true });
  assertError(await update(container, "--pids-limit", "20"), /limits are not changed.*is a directory/);
  assertEquals(limitsOf(container).pids, "30");
  Deno.removeSync(inTheWay, { recursive: true });
  assertOk(await update(container, "--pids-limit", "20"));
  assertEquals(limitsOf(container).pids, "20");
}, { skip: limited, notOnReference: "runc saves in another place" });

contract("update: the OOM killer can be stopped and let loose again", async (box) => {
  const container = await running(box, { memory: { limit: 64 * MIB } });
  const disabled = () => /^oom_kill_disable (\d)/.exec(container.cgroup("memory", "memory.oom_control"))?.[1];
  for (const disableOOMKiller of [true, false]) {
    assertOk(await updateWith(container, { memory: { disableOOMKiller } }));
    assertEquals(disabled(), disableOOMKiller ? "1" : "0");
  }
}, { skip: v1, notOnReference: "runc passes it over" });

contract("update: a created and a paused container", async (box) => {
  const created = await box.container({ process: { args: ["/bin/sleep", "60"] } }).created();
  assertOk(await update(created, "--pids-limit", "21"));
  assertEquals(limitsOf(created).pids, "21");
  assertOk(await created.start());
  assertEquals(limitsOf(created).pids, "21");
  assertOk(await box.cli(["pause", created.id]));
  assertOk(await update(created, "--pids-limit", "22"));
  assertEquals([limitsOf(created).pids, await created.status()], ["22", "paused"]);
}, { skip: limited });

contract("update: what it refuses", async (box) => {
  const container = await running(box, { memory: { limit: 64 * MIB } });
  assertError(await update(container, "--memory", "lots"), /invalid value for memory: invalid size: 'lots'/);
  assertError(
    await update(container, "--cpu-quota", "x"),
    /invalid value for cpu-quota: .*parsing "x": invalid syntax/,
  );
  assertError(
    await update(container, "--memory", "5"),
    /unable to set memory limit to 5 \(current usage: \d+, peak/,
  );
  assertError(await update(container, "--cpu-share", "1"), /the minimum allowed cpu-shares is 2/);
  assertError(await update(container, "-r", "/nowhere"), /open \/nowhere: no such file or directory/);
  assertEquals((await updateWith(container, '{"memory":{"limit":"64m"}}')).code, 1);
  assertEquals((await updateWith(container, "{")).code, 1);
  assertError(await update(container, "--l3-cache-schema", "L3:0=f"), /Intel RDT/);
  assertOk(await update(container));
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertError(await update(container, "--pids-limit", "5"), /container not running/);
  assertError(await box.cli(["update", `${box.token}-none`]), /container does not exist/);
}, { skip: v1 ?? (exists("/sys/fs/resctrl/info") ? "this machine has Intel RDT" : undefined) });

contract("update: files of cgroup v2 are refused on v1", async (box) => {
  const container = await running(box);
  assertError(
    await updateWith(container, { unified: { "memory.high": "5" } }),
    /cannot use unified on cgroup v1/,
  );
}, { skip: v1 });
