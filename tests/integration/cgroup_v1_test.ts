/**
 * The cgroup v1 driver on the real hierarchies. Everything happens below cgroups of the test's own, which are
 * removed in any case. Needs root and cgroup v1; is skipped, with the reason in its name, elsewhere.
 */
import { local } from "../../ffi/local.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { openDriver, planCgroup } from "../../runtime/cgroups/driver.ts";
import type { CgroupDriver } from "../../runtime/cgroups/types.ts";
import { readCgroupHost } from "../../runtime/cgroups/host.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { until } from "../lib/process.ts";

const PARENT = `/tsrun-test-${Deno.pid}`;
const BUSYBOX = "/bin/busybox";

function reasonToSkip(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  const { mounts } = readCgroupHost();
  if (!mounts.some((mount) => mount.controllers.includes("devices"))) return "needs cgroup v1";
  return undefined;
}

const reason = reasonToSkip();

interface Scene {
  driver: CgroupDriver;
  /** Content of a control file of the container's, trimmed. */
  file(controller: string, name: string): string;
  /** Starts a process outside of the cgroup, which is killed in the end; gives its pid. */
  sleeper(): Deno.ChildProcess;
}

let scenes = 0;

/** Runs a test in a cgroup that is planned but not made, and cleans up whatever happens. */
function scene(name: string, run: (scene: Scene) => void | Promise<void>): void {
  const title = reason === undefined ? name : `${name} (skipped: ${reason})`;
  Deno.test({
    name: title,
    ignore: reason !== undefined,
    fn: async () => {
      const driver = await planCgroup(local, request(`c${++scenes}`));
      const paths = { ...driver.record.paths };
      const children: Deno.ChildProcess[] = [];
      const sleeper = () => {
        const child = new Deno.Command(BUSYBOX, { args: ["sleep", "60"] }).spawn();
        children.push(child);
        return child;
      };
      const file = (controller: string, name: string) =>
        Deno.readTextFileSync(`${paths[controller]}/${name}`).trim();
      try {
        await run({ driver, file, sleeper });
      } finally {
        await cleanUp(paths, children);
      }
    },
  });
}

async function cleanUp(paths: Record<string, string>, children: Deno.ChildProcess[]): Promise<void> {
  const driver = await openDriver(local, { driver: "cgroupfs-v1", paths });
  if (driver.frozen()) driver.thaw();
  for (const child of children) {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // has ended already
    }
    await child.status;
  }
  driver.destroy();
  (await openDriver(local, { driver: "cgroupfs-v1", paths: parents(paths) })).destroy();
}

function parents(paths: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(paths).map(([name, dir]) => [name, dir.slice(0, dir.lastIndexOf("/"))]),
  );
}

function request(id: string) {
  return { id, cgroupsPath: `${PARENT}/${id}`, systemd: false, rootless: false };
}

function procCgroup(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/cgroup`);
}

/** Whether every hierarchy of the driver has the process in the container's directory. */
function assertInside(driver: CgroupDriver, pid: number): void {
  const text = procCgroup(pid);
  for (const [name, dir] of Object.entries(driver.record.paths)) {
    const line = text.split("\n").find((l) =>
      l.split(":")[1].split(",").includes(name === "unified" ? "" : name)
    );
    assert(line && dir.endsWith(line.split(":")[2]), `${name}: ${line} is not ${dir}`);
  }
}

const DOCKER: LinuxResources = {
  devices: [
    { allow: false, access: "rwm" },
    ...[[1, 5], [1, 3], [1, 9], [1, 8], [5, 0], [5, 1]].map(([major, minor]) => ({
      allow: true,
      type: "c" as const,
      major,
      minor,
      access: "rwm",
    })),
    { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
  ],
  memory: { limit: 67108864, swap: 134217728, reservation: 33554432 },
  cpu: { shares: 512, quota: 50000, period: 100000, cpus: "0", mems: "0" },
  pids: { limit: 50 },
};

scene("create makes directories that a process can be moved into", ({ driver, sleeper }) => {
  driver.create();
  const { pid } = sleeper();
  driver.join(pid);
  assertInside(driver, pid);
  assertEquals(driver.pids(), [pid]);
});

scene("a process enters by itself through the files of entry()", async ({ driver }) => {
  driver.create();
  const { tasks } = driver.entry();
  const script = 'for f; do echo 0 > "$f"; done; cat /proc/self/cgroup';
  const output = await new Deno.Command(BUSYBOX, { args: ["sh", "-c", script, "sh", ...tasks] }).output();
  const seen = new TextDecoder().decode(output.stdout);
  for (const [name, dir] of Object.entries(driver.record.paths)) {
    if (name === "unified") continue;
    const line = seen.split("\n").find((l) => l.split(":")[1]?.split(",").includes(name));
    assert(line && dir.endsWith(line.split(":")[2]), `${name}: ${line} is not ${dir}`);
  }
});

scene("set writes Docker's limits", ({ driver, file }) => {
  driver.create(DOCKER);
  driver.set(DOCKER);
  assertEquals(file("memory", "memory.limit_in_bytes"), "67108864");
  assertEquals(file("memory", "memory.memsw.limit_in_bytes"), "134217728");
  assertEquals(file("memory", "memory.soft_limit_in_bytes"), "33554432");
  assertEquals(file("cpu", "cpu.shares"), "512");
  assertEquals(file("cpu", "cpu.cfs_quota_us"), "50000");
  assertEquals(file("cpuset", "cpuset.cpus"), "0");
  assertEquals(file("pids", "pids.max"), "50");
  assertEquals(file("devices", "devices.list").split("\n").includes("c 5:1 rwm"), true);
});

scene("set takes every other limit that this kernel has", ({ driver, file }) => {
  driver.create();
  driver.set({
    memory: {
      swappiness: 7,
      disableOOMKiller: true,
      useHierarchy: true,
      kernel: 1048576,
      kernelTCP: 1048576,
    },
    cpu: { burst: 1000, quota: 20000 },
    pids: { limit: -1 },
    blockIO: { weight: 300 },
  });
  assertEquals(file("memory", "memory.swappiness"), "7");
  assertStringIncludes(file("memory", "memory.oom_control"), "oom_kill_disable 1");
  assertEquals(file("memory", "memory.kmem.tcp.limit_in_bytes"), "1048576");
  assertEquals(file("cpu", "cpu.cfs_burst_us"), "1000");
  assertEquals(file("pids", "pids.max"), "max");
  assertEquals(file("blkio", "blkio.bfq.weight"), "300");
});

scene("memory and swap can be lowered and raised together", ({ driver, file }) => {
  driver.create();
  for (const [limit, swap] of [[64, 128], [256, 512], [16, 32], [16, 64], [600, 600], [-1, undefined]]) {
    const bytes = (mib?: number) => mib === undefined || mib < 0 ? mib : mib * 1048576;
    driver.set({ memory: { limit: bytes(limit), swap: bytes(swap) } });
    if (limit! < 0) break;
    assertEquals(file("memory", "memory.limit_in_bytes"), String(bytes(limit)));
    assertEquals(file("memory", "memory.memsw.limit_in_bytes"), String(bytes(swap)));
  }
  assert(Number(file("memory", "memory.memsw.limit_in_bytes")) > 2 ** 60);
});

scene("a value that the kernel rejects is reported with file and value", ({ driver }) => {
  driver.create();
  const { paths } = driver.record;
  const cases: [LinuxResources, string][] = [
    [
      { pids: { limit: 99999999999 } },
      `failed to write "99999999999": write ${paths.pids}/pids.max: invalid argument`,
    ],
    [
      { cpu: { cpus: "900" } },
      `failed to write "900": write ${paths.cpuset}/cpuset.cpus: numerical result out of range`,
    ],
    [{ cpu: { quota: 1 } }, `failed to write "1": write ${paths.cpu}/cpu.cfs_quota_us: invalid argument`],
    [{ cpu: { shares: 1 } }, "the minimum allowed cpu-shares is 2"],
    [{ cpu: { shares: 262145 } }, "the maximum allowed cpu-shares is 262144"],
    [{ memory: { swap: 1048576, limit: 2097152 } }, "memory.memsw.limit_in_bytes: invalid argument"],
    [
      { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] },
      "cannot set hugetlb limit: container could not join or create",
    ],
  ];
  for (const [resources, message] of cases) {
    const error = assertThrows(() => driver.set(resources), RuntimeError);
    assertStringIncludes(error.message, message);
  }
});

scene("the device list is enforced", async ({ driver }) => {
  driver.create();
  driver.set({ devices: [{ allow: false, access: "rwm" }] });
  const file = `${driver.record.paths.devices}/tasks`;
  const script =
    'echo 0 > "$1"; head -c1 /dev/zero >/dev/null && echo zero; head -c0 /dev/kmsg && echo kmsg; true';
  const output = await new Deno.Command(BUSYBOX, { args: ["sh", "-c", script, "sh", file] }).output();
  assertEquals(new TextDecoder().decode(output.stdout), "zero\n");
  assertStringIncludes(new TextDecoder().decode(output.stderr), "Operation not permitted");
});

scene("freeze stops the processes and thaw lets them go on", async ({ driver, file }) => {
  driver.create();
  const counter = Deno.makeTempFileSync();
  const script = 'while :; do echo x >> "$1"; sleep 0.01; done';
  const child = new Deno.Command(BUSYBOX, { args: ["sh", "-c", script, "sh", counter] }).spawn();
  try {
    driver.join(child.pid);
    const size = () => Deno.statSync(counter).size;
    driver.freeze();
    assertEquals([driver.frozen(), file("freezer", "freezer.state")], [true, "FROZEN"]);
    const before = size();
    await new Promise((resolve) => setTimeout(resolve, 60));
    assertEquals(size(), before);
    driver.thaw();
    assertEquals(driver.frozen(), false);
    await until("the process to go on", () => size() > before);
  } finally {
    driver.thaw();
    child.kill("SIGKILL");
    await child.status;
    Deno.removeSync(counter);
  }
});

scene(
  "an occupied cgroup and a frozen one are refused, and stay as they are",
  async ({ driver, sleeper }) => {
    driver.create();
    const id = driver.record.paths.devices.split("/").at(-1)!;
    const again = async () => (await planCgroup(local, request(id))).create();
    const { pid } = sleeper();
    driver.join(pid);
    await assertRejects(again, RuntimeError, "container's cgroup is not empty: 1 process(es) found");
    Deno.writeTextFileSync("/sys/fs/cgroup/devices/cgroup.procs", String(pid), { create: false });
    await again();
    driver.freeze();
    await assertRejects(again, RuntimeError, "container's cgroup unexpectedly frozen");
    assertInside(
      { ...driver, record: { ...driver.record, paths: { memory: driver.record.paths.memory } } },
      pid,
    );
  },
);

scene(
  "destroy waits for killed processes, takes children along, and can be repeated",
  async ({ driver, sleeper }) => {
    driver.create();
    const child = sleeper();
    driver.join(child.pid);
    const nested = `${driver.record.paths.memory}/nested`;
    Deno.mkdirSync(nested);
    Deno.mkdirSync(`${nested}/deeper`);
    assertThrows(() => driver.destroy(), RuntimeError, "device or resource busy");
    child.kill("SIGKILL");
    driver.destroy();
    for (const dir of Object.values(driver.record.paths)) {
      assertThrows(
        () => Deno.statSync(dir),
        Deno.errors.NotFound,
      );
    }
    driver.destroy();
    assertEquals(driver.pids(), []);
    await child.status;
  },
);

scene("a state file is enough to find everything again", async ({ driver, sleeper }) => {
  driver.create();
  const again = await openDriver(local, JSON.parse(JSON.stringify(driver.record)));
  const { pid } = sleeper();
  again.join(pid);
  assertEquals(again.pids(), [pid]);
  assertEquals(again.frozen(), false);
});

/** Control files that hold what was asked for, as text; counters and lists of processes are left out. */
function settings(paths: Record<string, string>): Record<string, string> {
  const wanted =
    /^(cpuset\.(cpus|mems)|memory\.(limit_in_bytes|memsw\.limit|soft_limit|swappiness)|cpu\.(shares|cfs_|idle|rt_)|pids\.max|blkio\.bfq\.weight$|devices\.list|freezer\.state)/;
  const found: Record<string, string> = {};
  for (const dir of Object.values(paths)) {
    for (const { name } of Deno.readDirSync(dir)) {
      if (wanted.test(name)) found[name] = Deno.readTextFileSync(`${dir}/${name}`);
    }
  }
  return found;
}

/**
 * A bundle of nothing but busybox, without namespaces that would need privileges beyond those of the test.
 */
function makeBundle(directory: string, cgroupsPath: string, resources: LinuxResources): void {
  Deno.mkdirSync(`${directory}/rootfs/bin`, { recursive: true });
  Deno.mkdirSync(`${directory}/rootfs/proc`);
  Deno.copyFileSync(BUSYBOX, `${directory}/rootfs/bin/busybox`);
  const config = {
    ociVersion: "1.0.2",
    root: { path: "rootfs" },
    process: { args: ["/bin/busybox", "true"], cwd: "/", user: { uid: 0, gid: 0 } },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }], cgroupsPath, resources },
  };
  Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify(config));
}

function run(command: string, ...args: string[]): void {
  // A pipe for output would be held open by the container's init.
  const { code } = new Deno.Command(command, { args, stdout: "null", stderr: "inherit" }).outputSync();
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
}

/** Whether a program starts at all. */
function has(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const PRIVILEGED: LinuxResources = { devices: [{ allow: true, access: "rwm" }], memory: { limit: -1 } };
const MIXED: LinuxResources = {
  devices: [
    { allow: false, access: "rwm" },
    { allow: true, type: "b", access: "r" },
    { allow: true, type: "c", major: 10, access: "rw" },
    { allow: true, type: "c", major: 4, minor: 64, access: "rw" },
    { allow: false, type: "c", major: 4, minor: 64, access: "w" },
  ],
  cpu: { shares: 2, period: 50000 },
  pids: { limit: 7 }, // 0 is unset to runc 1.1 and 1 to later ones
  blockIO: { weight: 500 },
};

for (const [name, resources] of Object.entries({ none: {}, DOCKER, PRIVILEGED, MIXED })) {
  scene(`the kernel holds the same as after runc: ${name}`, async ({ driver }) => {
    if (!has("runc")) return console.log("skipped: runc is not installed");
    const directory = Deno.makeTempDirSync();
    const id = `${PARENT.slice(1)}-runc-${name}`;
    const theirs = (await planCgroup(local, request(id))).record.paths;
    const root = `${directory}/state`;
    try {
      makeBundle(directory, `${PARENT}/${id}`, resources);
      run("runc", "--root", root, "create", "--bundle", directory, id);
      driver.create(resources);
      driver.set(resources);
      assertEquals(settings(driver.record.paths), settings(theirs));
    } finally {
      run("runc", "--root", root, "delete", "--force", id);
      Deno.removeSync(directory, { recursive: true });
    }
  });
}
