/** Limits on a host of cgroup v2 with all controllers: what the kernel's files hold, and what it does. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, type Result, until } from "../lib/process.ts";
import { referencePath } from "../lib/runtime.ts";
import { lacksCgroupV2 } from "../lib/skip.ts";

const MIB = 1 << 20;
const SLEEP = { args: ["/bin/sleep", "600"] };
const ROOT = "/sys/fs/cgroup";
const lacking = ["memory", "cpu", "cpuset", "pids", "io"].map(lacksCgroupV2).find((reason) => reason);

/** A whole disk to throttle. */
function disk(): { major: number; minor: number } {
  const names = exists("/sys/block") ? [...Deno.readDirSync("/sys/block")].map(({ name }) => name) : [];
  const name = names.find((one) => /^(vd|sd|nvme)/.test(one)) ?? "vda";
  const [major, minor] = readText(`/sys/block/${name}/dev`).trim().split(":").map(Number);
  return { major, minor };
}

/** Contents of control files; "" for a file that the kernel lacks. */
function files(container: Container, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [name, readText(`${ROOT}/${container.id}/${name}`).trim()]),
  );
}

function update(container: Container, ...flags: string[]): Promise<Result> {
  return container.box.cli(["update", ...flags, container.id]);
}

function updateWith(container: Container, resources: Dict): Promise<Result> {
  const options = { stdin: JSON.stringify(resources) };
  return container.box.cli(["update", "--resources", "-", container.id], options);
}

/** What both runtimes are given, and what they make of it. */
function created(): { resources: Dict; holds: Record<string, string> } {
  const device = disk();
  const { major, minor } = device;
  return {
    resources: {
      memory: { limit: 64 * MIB, reservation: 32 * MIB, swap: 96 * MIB },
      cpu: { quota: 50_000, period: 100_000, cpus: "0", mems: "0" },
      pids: { limit: 50 },
      blockIO: {
        weight: 300,
        throttleReadBpsDevice: [{ ...device, rate: MIB }],
        throttleWriteBpsDevice: [{ ...device, rate: 2 * MIB }],
        throttleReadIOPSDevice: [{ ...device, rate: 100 }],
        throttleWriteIOPSDevice: [{ ...device, rate: 200 }],
      },
      unified: { "memory.high": String(60 * MIB), "memory.oom.group": "1" },
    },
    holds: {
      "memory.max": String(64 * MIB),
      "memory.low": String(32 * MIB),
      "memory.swap.max": String(32 * MIB),
      "memory.high": String(60 * MIB),
      "memory.oom.group": "1",
      "cpu.max": "50000 100000",
      "cpuset.cpus": "0",
      "cpuset.mems": "0",
      "pids.max": "50",
      ...(exists(`${ROOT}/system.slice/io.bfq.weight`)
        ? { "io.bfq.weight": "default 300" }
        : { "io.weight": "default 2930" }),
      "io.max": `${major}:${minor} rbps=${MIB} wbps=${2 * MIB} riops=100 wiops=200`,
    },
  };
}

contract("limits on v2: files after create, and after updates", async (box) => {
  const { resources, holds } = created();
  const container = await box.container({ process: SLEEP, linux: { resources } }).created();
  assertEquals(files(container, Object.keys(holds)), holds);
  const flags = ["--memory", "128M", "--memory-swap", "160M", "--memory-reservation", "16M"];
  flags.push("--cpu-quota", "20000", "--cpu-period", "50000", "--cpuset-cpus", "0-1", "--pids-limit", "77");
  assertOk(await update(container, ...flags));
  const changed = {
    ...holds,
    "memory.max": String(128 * MIB),
    "memory.low": String(16 * MIB),
    "memory.swap.max": String(32 * MIB),
    "cpu.max": "20000 50000",
    "cpuset.cpus": "0-1",
    "pids.max": "77",
  };
  assertEquals(files(container, Object.keys(holds)), changed);
  const unlimited = { memory: { limit: -1, swap: -1 }, cpu: { quota: -1 }, pids: { limit: -1 } };
  assertOk(await updateWith(container, unlimited));
  assertEquals(files(container, ["memory.max", "memory.swap.max", "cpu.max", "pids.max"]), {
    "memory.max": "max",
    "memory.swap.max": "max",
    "cpu.max": "max 50000",
    "pids.max": "max",
  });
}, { skip: lacking, timeout: 60_000 });

contract("limits on v2: weights, bursts, idle, huge pages, by create and by update", async (box) => {
  const resources = {
    cpu: { shares: 512, quota: 50_000, period: 100_000, burst: 10_000 },
    hugepageLimits: [{ pageSize: "2MB", limit: 4 * MIB }],
  };
  const container = await box.container({ process: SLEEP, linux: { resources } }).created();
  const cpu = ["cpu.weight", "cpu.max", "cpu.max.burst", "cpu.idle"];
  assertEquals(Object.values(files(container, cpu)), ["59", "50000 100000", "10000", "0"]);
  const pages = ["hugetlb.2MB.max", "hugetlb.2MB.rsvd.max"];
  assertEquals(Object.values(files(container, pages)), [String(4 * MIB), String(4 * MIB)]);
  assertOk(await update(container, "--cpu-share", "2048", "--cpu-burst", "5000"));
  assertEquals(Object.values(files(container, cpu)), ["174", "50000 100000", "5000", "0"]);
  assertOk(
    await updateWith(container, {
      cpu: { idle: 1 },
      hugepageLimits: [{ pageSize: "2MB", limit: 2 * MIB }],
      unified: { "memory.high": "50000000" },
    }),
  );
  assertEquals(files(container, ["cpu.idle", "memory.high", "hugetlb.2MB.max"]), {
    "cpu.idle": "1",
    "memory.high": String(Math.floor(50_000_000 / 4096) * 4096),
    "hugetlb.2MB.max": String(2 * MIB),
  });
}, {
  skip: lacking ?? lacksCgroupV2("hugetlb"),
  notOnReference: "runc 1.1.5 has other weights and no bursts",
});

contract("limits on v2: an update is refused as a whole, naming file and value", async (box) => {
  const linux = { resources: { pids: { limit: 50 } } };
  const container = await box.container({ process: SLEEP, linux }).created();
  const refused = await updateWith(container, { pids: { limit: 9 }, cpu: { cpus: "4711" } });
  assertError(refused, /failed to write "4711": write \S*\/cpuset.cpus: (numerical result|invalid argument)/);
  assertEquals(files(container, ["pids.max"]), { "pids.max": "50" });
  const swap = await updateWith(container, { memory: { limit: 64 * MIB, swap: 32 * MIB } });
  assertError(swap, /memory\+swap limit should be >= memory limit/);
  const below = await updateWith(container, { memory: { limit: 4096, checkBeforeUpdate: true } });
  assertError(below, /rejecting memory limit 4096 <= usage \d+/);
  assertEquals(files(container, ["memory.max"]), { "memory.max": "max" });
}, { skip: lacking, notOnReference: "runc 1.1.5 leaves what it wrote before the refusal" });

contract("limits on v2: the limits on processes and memory hold", async (box) => {
  const script = "for i in 1 2 3 4 5 6 7 8; do sleep 5 & done 2>&1; true";
  const forks = box.container({
    process: { args: sh(script) },
    linux: { resources: { pids: { limit: 4 } } },
  });
  const { stdout, stderr } = await forks.run();
  assertMatch(stdout + stderr, /can't fork/);
  const hog = box.container({
    process: { args: sh("dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; echo $?") },
    linux: { resources: { memory: { limit: 16 * MIB, swap: 16 * MIB } } },
  });
  assertEquals((await hog.run()).stdout, "137\n");
}, { skip: lacking, timeout: 60_000 });

contract("events on v2: memory that ran out is told, and the stream ends with the container", async (box) => {
  const hog = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null";
  const container = box.container({
    process: { args: sh(`while [ ! -e /tmp/go ]; do sleep .1; done; ${hog}; sleep 1`) },
    linux: { resources: { memory: { limit: 16 * MIB, swap: 16 * MIB } } },
  });
  await container.started();
  const stream = box.cli(["events", "--interval", "200ms", container.id], {
    files: `${box.dir}/stream`,
    timeout: 60_000,
  });
  await until("a first event", () => readText(`${box.dir}/stream.out`) !== "", 20_000);
  Deno.writeTextFileSync(container.path("/tmp/go"), "");
  await container.wait("stopped", 30_000);
  if (box.runtime.reference) assertOk(await container.delete());
  const events = assertOk(await stream).stdout.trim().split("\n").map((line) => JSON.parse(line));
  const oom = events.filter(({ type }) => type === "oom");
  const told = { type: "oom", id: container.id };
  // runc tells each change of memory.events, of which one end of a process may make two.
  if (box.runtime.reference) return assertEquals(oom[0], told);
  assertEquals(oom, [told]);
}, { skip: lacking, timeout: 90_000 });

/** Names of all fields that are always there, as paths. */
function shape(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, item]) => shape(item, `${path}.${key}`));
}

contract("events on v2: figures are those of the cgroup, fields are runc's", async (box) => {
  const resources = { memory: { limit: 64 * MIB, swap: 96 * MIB }, pids: { limit: 9 } };
  const container = await box.container({ process: SLEEP, linux: { resources } }).started();
  const { data } = JSON.parse(assertOk(await box.cli(["events", "--stats", container.id])).stdout);
  assertEquals(data.pids, { current: 1, limit: 9 });
  assertEquals(data.memory.usage.limit, 64 * MIB);
  // v2's own figure is of swap alone; clients know v1's.
  assertEquals(data.memory.swap.limit, 96 * MIB);
  assert(data.memory.usage.usage > 0 && data.cpu.usage.total > 0);
  const reference = referencePath();
  if (box.runtime.reference || reference === undefined) return;
  const twin = box.container({ process: SLEEP, linux: { resources } });
  const runc = [reference, "--root", `${box.dir}/reference`];
  const run = [...runc, "run", "-d", "--bundle", twin.bundle.dir, twin.id];
  assertOk(await box.command(run, { files: `${box.dir}/reference-run` }));
  try {
    const theirs = assertOk(await box.command([...runc, "events", "--stats", twin.id])).stdout;
    const vary = /blkio|psi|\.cache$|throttling|max$|usage$|kernel$|user$/;
    const fixed = (value: unknown) => shape(value).filter((path) => !vary.test(path));
    assertEquals(fixed(data), fixed(JSON.parse(theirs).data));
  } finally {
    assertOk(await box.command([...runc, "delete", "--force", twin.id]));
  }
}, { skip: lacking, timeout: 60_000 });

const TYPES = ["pid", "network", "ipc", "uts", "mount"];

/** The config of a container that shows the hierarchy to a script. */
function showing(script: string, types: Dict[]): Dict {
  const mounts = [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
    { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
  ];
  return { process: { args: sh(script) }, mounts, linux: { namespaces: types } };
}

function delegates(): boolean {
  return / \/sys\/fs\/cgroup .* - cgroup2 .*nsdelegate/.test(readText("/proc/self/mountinfo"));
}

contract("cgroup mount on v2: the options of the host's hierarchy stay as they are", async (box) => {
  const container = box.container(showing("ls -d /sys/fs/cgroup/*.slice", namespaces(...TYPES)));
  assertMatch(await container.completed(), /system.slice/);
  assert(delegates(), "nsdelegate is gone");
}, {
  skip: lacking ?? (delegates() ? undefined : "the hierarchy is mounted without nsdelegate"),
  notOnReference: "runc 1.1.5 mounts it anew, which takes nsdelegate away from the host",
});

contract("a cgroup namespace that is joined, outside of which the container's cgroup is", async (box) => {
  const first = await box.container(showing("sleep 600", namespaces(...TYPES, "cgroup"))).started();
  const joined = { type: "cgroup", path: `/proc/${await first.pid()}/ns/cgroup` };
  const second = box.container(showing("cat /proc/self/cgroup", [...namespaces(...TYPES), joined]));
  assertMatch(await second.completed(), new RegExp(`^0::/../${second.id}$`, "m"));
}, { skip: lacking });
