/** `linux.cgroupsPath` and `linux.resources` on cgroup v1: files, membership, removal. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { findCgroups } from "../lib/leaks.ts";
import { DISK } from "../lib/limits.ts";
import { exists, readText } from "../lib/process.ts";

const SLEEP = { args: ["/bin/sleep", "60"] };
const v1 = exists("/sys/fs/cgroup/memory") ? undefined : "this machine has no cgroup v1";

function limited(container: Container, resources: Dict, linux: Dict = {}): Container {
  container.configure({ process: SLEEP, linux: { resources, ...linux } });
  return container;
}

contract("cgroups: limits stand in the files", async (box) => {
  const resources = {
    memory: { limit: 64 << 20, reservation: 32 << 20 },
    cpu: { shares: 512, quota: 50_000, period: 100_000, cpus: "0", mems: "0" },
    pids: { limit: 50 },
  };
  const container = await limited(box.container(), resources).started();
  assertEquals(container.cgroup("memory", "memory.limit_in_bytes"), String(64 << 20));
  assertEquals(container.cgroup("memory", "memory.soft_limit_in_bytes"), String(32 << 20));
  assertEquals(container.cgroup("cpu", "cpu.shares"), "512");
  assertEquals(container.cgroup("cpu", "cpu.cfs_quota_us"), "50000");
  assertEquals(container.cgroup("cpu", "cpu.cfs_period_us"), "100000");
  assertEquals(container.cgroup("cpuset", "cpuset.cpus"), "0");
  assertEquals(container.cgroup("cpuset", "cpuset.mems"), "0");
  assertEquals(container.cgroup("pids", "pids.max"), "50");
}, { skip: v1 });

contract("cgroups: no limit where none is given", async (box) => {
  const container = await limited(box.container(), {}).started();
  assertEquals(container.cgroup("pids", "pids.max"), "max");
  assertEquals(container.cgroup("cpu", "cpu.cfs_quota_us"), "-1");
  assertEquals(container.cgroup("cpu", "cpu.shares"), "1024");
  assertEquals(
    container.cgroup("memory", "memory.limit_in_bytes"),
    readText("/sys/fs/cgroup/memory/memory.limit_in_bytes").trim(),
  );
}, { skip: v1 });

contract("cgroups: -1 is unlimited, a negative pids limit too", async (box) => {
  const resources = { memory: { limit: -1 }, pids: { limit: -1 }, cpu: { quota: -1 } };
  const container = await limited(box.container(), resources).started();
  assertEquals(container.cgroup("pids", "pids.max"), "max");
  assertEquals(container.cgroup("cpu", "cpu.cfs_quota_us"), "-1");
}, { skip: v1 });

contract("cgroups: the process is in every hierarchy", async (box) => {
  const container = await limited(box.container(), {}).created();
  const lines = readText(`/proc/${await container.pid()}/cgroup`).trim().split("\n");
  for (const line of lines) {
    if (line.startsWith("0::")) continue; // the unified hierarchy without controllers: joined or not
    assertEquals(line.split(":")[2], `/${container.id}`, line);
  }
}, { skip: v1 });

contract("cgroups: the pids limit holds", async (box) => {
  const script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done 2>&1; true";
  const container = box.container({
    process: { args: sh(script) },
    linux: { resources: { pids: { limit: 4 } } },
  });
  const { stdout, stderr } = await container.run();
  assertMatch(stdout + stderr, /can't fork/);
}, { skip: v1 });

contract("cgroups: the memory limit holds, and its victim is killed", async (box) => {
  const container = box.container({
    process: { args: sh("dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; echo $?") },
    linux: { resources: { memory: { limit: 16 << 20, swap: 16 << 20 } } },
  });
  const swap = exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
  if (!swap) {
    container.configure({
      process: { args: sh("dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; echo $?") },
      linux: { resources: { memory: { limit: 16 << 20 } } },
    });
  }
  assertEquals((await container.run()).stdout, "137\n");
}, { skip: v1 });

contract("cgroups: memory+swap below memory is an error", async (box) => {
  const result = await limited(box.container(), { memory: { limit: 64 << 20, swap: 32 << 20 } }).create();
  assertError(result, /memory/);
  await box.assertNothingLeft();
}, { skip: v1 });

contract("cgroups: a memory limit below what is in use already is an error", async (box) => {
  const result = await limited(box.container(), { memory: { limit: 4096 } }).create();
  assertEquals(result.code, 1);
  assert(result.stderr.trim() !== "");
  await box.assertNothingLeft();
}, { skip: v1 });

contract("cgroups: a value that the kernel refuses is an error that names file and value", async (box) => {
  const result = await limited(box.container(), { cpu: { quota: 1, period: 100_000 } }).create();
  assertError(result, /cpu.cfs_quota_us.*invalid argument/);
  const cpuset = await limited(box.container(), { cpu: { cpus: "4711" } }).create();
  assertError(cpuset, /cpuset.cpus.*(invalid argument|numerical result out of range)/);
  await box.assertNothingLeft();
}, { skip: v1 });

contract("cgroups: devices are denied by default, allowed one by one", async (box) => {
  const resources = {
    devices: [
      { allow: false, access: "rwm" },
      { allow: true, type: "c", major: 10, minor: 237, access: "r" },
    ],
  };
  const devices = [
    { type: "c", path: "/dev/kmsg-node", major: 1, minor: 11 },
    { type: "c", path: "/dev/loop-control", major: 10, minor: 237 },
    { type: "b", path: "/dev/host-disk", major: 254, minor: 0 },
  ];
  const script =
    "for n in kmsg-node loop-control host-disk null; do (: <>/dev/$n) 2>/dev/null && echo rw $n; (: </dev/$n) 2>/dev/null && echo r $n; done; " +
    "mknod /tmp/made c 1 11 && echo made";
  const container = box.container({ process: { args: sh(script) }, linux: { resources, devices } });
  const { stdout } = await container.run();
  assertEquals(stdout.split("\n"), ["r loop-control", "rw null", "r null", "made", ""]);
}, { skip: v1 });

contract("cgroups: of the letters of a rule for devices those that mean something count", async (box) => {
  const rule = { allow: true, type: "c", major: 10, minor: 237, access: "rx" };
  const devices = [{ type: "c", path: "/dev/loop-control", major: 10, minor: 237 }];
  const script = "(: </dev/loop-control) && echo r; (: <>/dev/loop-control) 2>/dev/null || echo not w";
  const resources = { devices: [{ allow: false, access: "rwm" }, rule] };
  const container = box.container({ process: { args: sh(script) }, linux: { resources, devices } });
  assertEquals(await container.output(), "r\nnot w\n");
}, { skip: v1 });

contract("cgroups: without rules for devices, those of the runtime-spec's defaults only", async (box) => {
  const devices = [{ type: "c", path: "/dev/kmsg-node", major: 1, minor: 11 }];
  const script =
    "(: </dev/kmsg-node) 2>/dev/null && echo kmsg; (: </dev/zero) && echo zero; (: <>/dev/ptmx) && echo ptmx";
  const { stdout } = await box.container({ process: { args: sh(script) }, linux: { devices } }).run();
  assertEquals(stdout, "zero\nptmx\n");
}, { skip: v1 });

contract("cgroups: blkio and swappiness", async (box) => {
  const [major, minor] = DISK!.split(":").map(Number);
  const resources = {
    blockIO: { throttleReadBpsDevice: [{ major, minor, rate: 1 << 20 }] },
    memory: { swappiness: 0 },
  };
  const container = await limited(box.container(), resources).started();
  assertEquals(container.cgroup("blkio", "blkio.throttle.read_bps_device"), `${DISK} ${1 << 20}`);
  assertEquals(container.cgroup("memory", "memory.swappiness"), "0");
}, { skip: v1 ?? (DISK ? undefined : "this machine has no disk") });

contract("cgroups: disableOOMKiller", async (box) => {
  const container = await limited(box.container(), { memory: { limit: 64 << 20, disableOOMKiller: true } })
    .started();
  assertMatch(container.cgroup("memory", "memory.oom_control"), /oom_kill_disable 1/);
}, { skip: v1 });

contract("cgroups: useHierarchy, which recent kernels only know as true", async (box) => {
  for (const useHierarchy of [true, false]) {
    assertOk(await limited(box.container(), { memory: { useHierarchy } }).create());
  }
}, { skip: v1 });

contract("cgroups: a path of several components, made and removed", async (box) => {
  const container = box.container();
  const cgroupsPath = `/${box.token}-parent/sub/leaf`;
  limited(container, { pids: { limit: 5 } }, { cgroupsPath });
  await container.started();
  const pids = `/sys/fs/cgroup/pids/${box.token}-parent/sub`;
  assertEquals(readText(`${pids}/leaf/pids.max`), "5\n");
  assertOk(await container.delete("--force"));
  assert(!exists(`${pids}/leaf`));
  for (const path of findCgroups(`${box.token}-parent`)) Deno.removeSync(path); // parents stay, as with runc
}, { skip: v1 });

contract("cgroups: a path with .. stays below the mount point", async (box) => {
  const container = box.container();
  limited(container, {}, { cgroupsPath: `/../../${container.id}` });
  await container.created();
  assert(exists(`/sys/fs/cgroup/pids/${container.id}`));
}, { skip: v1 });

contract("cgroups: without a path, it is named by the id, beside the caller's", async (box) => {
  const container = box.container();
  container.configure({ process: SLEEP, linux: { cgroupsPath: undefined } });
  await container.created();
  for (const line of readText(`/proc/${await container.pid()}/cgroup`).trim().split("\n")) {
    if (!line.startsWith("0::")) assertEquals(line.split("/").at(-1), container.id, line);
  }
}, { skip: v1 });

contract("cgroups: one that is occupied is refused", async (box) => {
  const first = await limited(box.container(), {}).started();
  const second = limited(box.container(), {}, { cgroupsPath: `/${first.id}` });
  const result = await second.create();
  assertError(result, /container's cgroup is not empty: 1 process/);
  assertEquals(await first.status(), "running");
}, { skip: v1, notOnReference: "runc 1.1.5 warns and goes on" });

contract("cgroups: an empty one that is there already is used, and removed", async (box) => {
  const container = limited(box.container(), { pids: { limit: 7 } });
  Deno.mkdirSync(`/sys/fs/cgroup/pids/${container.id}`);
  await container.started();
  assertEquals(container.cgroup("pids", "pids.max"), "7");
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
}, { skip: v1 });

contract("cgroups: sub-cgroups that the container made are removed with it", async (box) => {
  const container = await limited(box.container(), {}).started();
  for (const path of ["a", "a/b", "c"]) Deno.mkdirSync(`/sys/fs/cgroup/memory/${container.id}/${path}`);
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
}, { skip: v1 });

contract(
  "cgroups: limits of hugetlb and of unified files that this machine lacks are errors",
  async (box) => {
    const hugetlb = exists("/sys/fs/cgroup/hugetlb");
    const result = await limited(box.container(), { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] })
      .create();
    assertEquals(result.code === 0, hugetlb, result.stderr);
  },
  { skip: v1 },
);

contract("cgroups: --systemd-cgroup without systemd is an error", async (box) => {
  const container = box.container();
  const result = await container.create({ globals: ["--systemd-cgroup"] });
  assertError(result, /systemd/);
  await box.assertNothingLeft();
}, { skip: exists("/run/systemd/system") ? "this machine has systemd" : undefined });
