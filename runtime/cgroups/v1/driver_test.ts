import { assertEquals, assertFalse, assertThrows } from "@std/assert";
import { EACCES, EBUSY, EEXIST, EINVAL, EPERM, EROFS, ESRCH } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { planRequest } from "../driver.ts";
import type { CgroupDriver, CgroupHost, CgroupRequest } from "../types.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import type { CgroupMount } from "../path.ts";
import { CgroupV1, planV1 } from "./driver.ts";

const NAMES = ["devices", "freezer", "cpuset", "memory", "cpu,cpuacct", "pids", "systemd", "unified"];

/** A hybrid host; the hierarchies' own files appear in each new directory. */
function host(names = NAMES): CgroupHost & { fs: FakeCgroupFs; paths: Map<string, string> } {
  const mounts: CgroupMount[] = names.map((name) => ({
    version: name === "unified" ? 2 : 1,
    controllers: name === "systemd" ? ["name=systemd"] : name.split(","),
    mountpoint: `/cg/${name}`,
    root: "/",
  }));
  const paths = new Map(mounts.flatMap((mount) => mount.controllers.map((name) => [name, "/"])));
  const fs = new FakeCgroupFs(mounts.map((mount) => mount.mountpoint), (dir) => {
    const files: Record<string, string> = { "cgroup.procs": "" };
    const hierarchy = dir.split("/")[2];
    if (hierarchy === "cpuset") Object.assign(files, { "cpuset.cpus": "\n", "cpuset.mems": "\n" });
    if (hierarchy === "devices") Object.assign(files, { "devices.allow": "", "devices.deny": "" });
    if (hierarchy === "freezer") {
      Object.assign(files, { "freezer.state": "THAWED\n", "freezer.self_freezing": "0\n" });
    }
    if (hierarchy === "pids") files["pids.max"] = "max\n";
    if (hierarchy === "cpu,cpuacct") files["cpu.rt_runtime_us"] = "0\n";
    return files;
  });
  if (names.includes("cpuset")) {
    fs.put("/cg/cpuset", "cpuset.cpus", "0-3\n");
    fs.put("/cg/cpuset", "cpuset.mems", "0\n");
  }
  return { fs, mounts, paths, own: () => paths };
}

const REQUEST: CgroupRequest = { id: "c1", cgroupsPath: "/p/c", systemd: false, rootless: false };

function plan(on: CgroupHost, request: Partial<CgroupRequest> = {}): CgroupDriver {
  const { inner, options } = planRequest({ ...REQUEST, ...request });
  return new CgroupV1(on.fs, planV1(on, inner), options);
}

Deno.test("planV1 puts each controller below its mount", () => {
  assertEquals(plan(host()).record, {
    driver: "cgroupfs-v1",
    paths: {
      devices: "/cg/devices/p/c",
      freezer: "/cg/freezer/p/c",
      cpuset: "/cg/cpuset/p/c",
      memory: "/cg/memory/p/c",
      cpu: "/cg/cpu,cpuacct/p/c",
      cpuacct: "/cg/cpu,cpuacct/p/c",
      pids: "/cg/pids/p/c",
      "name=systemd": "/cg/systemd/p/c",
      unified: "/cg/unified/p/c",
    },
  });
});

Deno.test("planV1 without a path uses the id below the runtime's own cgroup", () => {
  const here = host(["devices", "pids", "name=other"]);
  here.paths.set("pids", "/me");
  for (const cgroupsPath of [undefined, "", "..", "."]) {
    assertEquals(plan(here, { cgroupsPath }).record.paths, {
      devices: "/cg/devices/c1",
      pids: "/cg/pids/me/c1",
    });
  }
  assertEquals(plan(here, { cgroupsPath: "a/../../b" }).record.paths.pids, "/cg/pids/me/b");
});

Deno.test("planV1 refuses what it cannot do", () => {
  const cases: [CgroupHost, Partial<CgroupRequest>, string][] = [
    [host(["pids"]), {}, "mountpoint for devices not found"],
    [host(), { cgroupsPath: "/../" }, 'invalid cgroupsPath "/"'],
  ];
  for (const [on, request, message] of cases) assertThrows(() => plan(on, request), RuntimeError, message);
});

Deno.test("create makes every directory once, with parents, and fills cpusets from the top", () => {
  const on = host();
  plan(on).create();
  for (const name of NAMES) assertEquals(on.fs.tree.has(`/cg/${name}/p/c`), true, name);
  assertEquals(on.fs.log.filter((line) => line === "mkdir /cg/cpu,cpuacct/p").length, 1);
  assertEquals(on.fs.writes, [
    "/cg/cpuset/p/cpuset.cpus 0-3",
    "/cg/cpuset/p/cpuset.mems 0",
    "/cg/cpuset/p/c/cpuset.cpus 0-3",
    "/cg/cpuset/p/c/cpuset.mems 0",
  ]);
});

Deno.test("create with resources sets what has to be there before a process is", () => {
  const on = host();
  plan(on).create({ cpu: { cpus: "1", realtimeRuntime: 7 }, pids: { limit: 5 } });
  assertEquals(on.fs.writes.filter((line) => line.includes("/p/c/")), [
    "/cg/cpuset/p/c/cpuset.cpus 1",
    "/cg/cpu,cpuacct/p/c/cpu.rt_runtime_us 7",
    "/cg/cpuset/p/c/cpuset.mems 0",
  ]);
});

Deno.test("create takes over an empty cgroup that is already there", () => {
  const on = host();
  plan(on).create();
  plan(on).create();
});

Deno.test("create refuses an occupied or frozen cgroup and leaves nothing of its own", async (t) => {
  const cases: [name: string, spoil: (fs: FakeCgroupFs) => void, message: string][] = [
    [
      "process",
      (fs) => fs.put("/cg/devices/p/c", "cgroup.procs", "12\n13\n"),
      "container's cgroup is not empty: 2 process(es) found",
    ],
    ["frozen", (fs) => {
      fs.put("/cg/freezer/p/c", "freezer.state", "FROZEN\n");
      fs.put("/cg/freezer/p/c", "freezer.self_freezing", "1\n");
    }, "container's cgroup unexpectedly frozen"],
  ];
  for (const [name, spoil, message] of cases) {
    await t.step(name, () => {
      const on = host();
      for (const dir of ["/cg/devices/p", "/cg/devices/p/c", "/cg/freezer/p", "/cg/freezer/p/c"]) {
        on.fs.mkdir(dir);
      }
      spoil(on.fs);
      const before = [...on.fs.tree.keys()].sort();
      const driver = plan(on);
      assertThrows(() => driver.create(), RuntimeError, message);
      driver.destroy();
      assertEquals([...on.fs.tree.keys()].sort(), before, "nothing made stays, nothing foreign goes");
    });
  }
});

Deno.test("a process in a child of the cgroup occupies it too; a parent's freeze does not count", () => {
  const on = host();
  for (
    const dir of [
      "/cg/devices/p",
      "/cg/devices/p/c",
      "/cg/devices/p/c/child",
      "/cg/freezer/p",
      "/cg/freezer/p/c",
    ]
  ) {
    on.fs.mkdir(dir);
  }
  on.fs.put("/cg/freezer/p/c", "freezer.state", "FROZEN\n");
  plan(on).create();
  on.fs.put("/cg/devices/p/c/child", "cgroup.procs", "9\n");
  assertThrows(() => plan(on).create(), RuntimeError, "container's cgroup is not empty: 1 process(es) found");
});

Deno.test("create removes what it made when one hierarchy fails", () => {
  const on = host();
  on.fs.fail("mkdir /cg/pids/p", EROFS);
  const before = [...on.fs.tree.keys()];
  assertThrows(() => plan(on).create(), RuntimeError, "mkdir /cg/pids/p/c: read-only file system");
  assertEquals([...on.fs.tree.keys()], before);
});

Deno.test("systemd's hierarchy and the unified one are done without when they are read-only", () => {
  const on = host();
  on.fs.fail("mkdir /cg/systemd/p", EROFS);
  on.fs.fail("mkdir /cg/unified/p", EACCES);
  const driver = plan(on);
  driver.create();
  assertEquals(Object.keys(driver.record.paths).filter((name) => /systemd|unified/.test(name)), []);
  assertEquals(driver.entry().cloneInto, null);
});

Deno.test("rootless: denied hierarchies are done without only where no path is asked for, and then have no limits", () => {
  const denied = () => {
    const on = host();
    for (const name of NAMES) for (const path of ["c1", "p"]) on.fs.fail(`mkdir /cg/${name}/${path}`, EACCES);
    return on;
  };
  assertThrows(
    () => plan(denied(), { rootless: true }).create(),
    RuntimeError,
    "mkdir /cg/devices/p/c: permission denied",
  );
  assertThrows(() => plan(denied(), { cgroupsPath: "" }).create(), RuntimeError, "permission denied");
  const driver = plan(denied(), { rootless: true, cgroupsPath: "" });
  driver.create();
  assertEquals(driver.record.paths, {});
  driver.join(5);
  driver.set(undefined);
  driver.set({});
  assertThrows(
    () => driver.set({ pids: { limit: 5 } }),
    RuntimeError,
    "cannot set pids limit: container could not join or create cgroup",
  );
  assertEquals(driver.pids(), []);
  assertFalse(driver.frozen());
  assertThrows(
    () => driver.freeze(),
    RuntimeError,
    "cannot toggle freezer: cgroups not configured for container",
  );
  driver.destroy();
});

Deno.test("rootless: what is there already and belongs to somebody else is neither entered nor removed", () => {
  const taken = (name: string) => {
    const on = host();
    on.fs.mkdir(`/cg/devices/${name}`);
    on.fs.fail(`write /cg/devices/${name}/cgroup.procs`, EACCES);
    return on;
  };
  const on = taken("c1"), driver = plan(on, { rootless: true, cgroupsPath: "" });
  driver.create();
  assertFalse("devices" in driver.record.paths);
  assertEquals(driver.entry().tasks.filter((file) => file.startsWith("/cg/devices")), []);
  driver.destroy();
  assertEquals([on.fs.tree.has("/cg/devices/c1"), on.fs.tree.has("/cg/freezer/c1")], [true, false]);
  // Asked for by name, it has to be had.
  const named = taken("p"), other = plan(named, { rootless: true, cgroupsPath: "/p" });
  assertThrows(() => other.create(), RuntimeError, "open /cg/devices/p/cgroup.procs: permission denied");
  other.destroy();
  assertEquals([named.fs.tree.has("/cg/devices/p"), named.fs.tree.has("/cg/freezer/p")], [true, false]);
});

Deno.test("entry names every v1 directory once, and the v2 one for clone3", () => {
  const driver = plan(host());
  driver.create();
  assertEquals(driver.entry(), {
    tasks: ["devices", "freezer", "cpuset", "memory", "cpu,cpuacct", "pids", "systemd"].map((n) =>
      `/cg/${n}/p/c/tasks`
    ),
    cloneInto: "/cg/unified/p/c",
  });
});

Deno.test("join writes the pid everywhere, tries again while the task is being born, and reports the rest", () => {
  const on = host();
  const driver = plan(on);
  driver.create();
  on.fs.log.length = 0;
  on.fs.fail("write /cg/memory/p/c/cgroup.procs", EINVAL, EINVAL, 0);
  driver.join(77);
  assertEquals(on.fs.log.filter((line) => line.includes("memory") || line.startsWith("pause")), [
    "write /cg/memory/p/c/cgroup.procs 77",
    "pause 30",
    "write /cg/memory/p/c/cgroup.procs 77",
    "pause 30",
    "write /cg/memory/p/c/cgroup.procs 77",
  ]);
  assertEquals(on.fs.writes.filter((line) => line.endsWith(" 77")).length, NAMES.length + 2);
  on.fs.fail("write /cg/pids/p/c/cgroup.procs", ESRCH);
  assertThrows(
    () => driver.join(78),
    RuntimeError,
    'failed to write "78": write /cg/pids/p/c/cgroup.procs: no such process',
  );
  on.fs.fail("write /cg/pids/p/c/cgroup.procs", EINVAL);
  assertThrows(() => driver.join(78), RuntimeError, "invalid argument");
});

Deno.test("set writes the device list first, even when nothing is asked for", () => {
  const on = host();
  const driver = plan(on);
  driver.create();
  on.fs.log.length = 0;
  driver.set(undefined);
  assertEquals(on.fs.writes.slice(0, 3), [
    "/cg/devices/p/c/devices.deny a *:* rwm",
    "/cg/devices/p/c/devices.allow b *:* m",
    "/cg/devices/p/c/devices.allow c *:* m",
  ]);
  assertEquals(on.fs.writes.length, 12);
  on.fs.log.length = 0;
  driver.set({ devices: [{ allow: true, access: "rwm" }], pids: { limit: 4 } });
  assertEquals(on.fs.writes, ["/cg/devices/p/c/devices.allow a *:* rwm", "/cg/pids/p/c/pids.max 4"]);
});

Deno.test("set: a refused device rule is an error, except in rootless mode", () => {
  for (const rootless of [false, true]) {
    const on = host();
    const driver = plan(on, { rootless });
    driver.create();
    on.fs.fail("write /cg/devices/p/c/devices.deny", EPERM);
    const set = () => driver.set({ devices: [{ allow: false, access: "rwm" }] });
    if (rootless) set();
    else {assertThrows(
        set,
        RuntimeError,
        'failed to write "a *:* rwm": write /cg/devices/p/c/devices.deny: operation not permitted',
      );}
    assertThrows(
      () => driver.set({ devices: [{ allow: true, type: "c" }] }),
      RuntimeError,
      "device access at 0 field",
    );
  }
});

Deno.test("set refuses unified on v1, and takes an empty one", () => {
  const driver = plan(host());
  driver.create();
  assertThrows(
    () => driver.set({ unified: { "memory.high": "1" } }),
    RuntimeError,
    "invalid configuration: cannot use unified on cgroup v1",
  );
  driver.set({ unified: {} });
});

Deno.test("pids come from the whole tree, sorted and each once", () => {
  const on = host();
  const driver = plan(on);
  assertEquals(driver.pids(), [], "before create");
  driver.create();
  on.fs.mkdir("/cg/devices/p/c/a");
  on.fs.mkdir("/cg/devices/p/c/a/b");
  on.fs.put("/cg/devices/p/c", "cgroup.procs", "30\n4\n");
  on.fs.put("/cg/devices/p/c/a", "cgroup.procs", "4\n100\n");
  on.fs.put("/cg/devices/p/c/a/b", "cgroup.procs", "5\n");
  assertEquals(driver.pids(), [4, 5, 30, 100]);
});

Deno.test("destroy removes children too, waits for the last process, and can be repeated", () => {
  const on = host();
  const driver = plan(on);
  driver.create();
  on.fs.mkdir("/cg/memory/p/c/a");
  on.fs.mkdir("/cg/memory/p/c/a/b");
  on.fs.fail("rmdir /cg/pids/p/c", EBUSY, EBUSY, EBUSY, 0);
  driver.destroy();
  assertEquals([...on.fs.tree.keys()].filter((dir) => dir.includes("/p/c")), []);
  assertEquals(on.fs.log.filter((line) => line.startsWith("pause")), ["pause 1", "pause 2", "pause 4"]);
  assertEquals(on.fs.tree.has("/cg/memory/p"), true, "the parent is not the container's");
  driver.destroy();
});

Deno.test("destroy gives up on one directory after a second, and still removes the others", () => {
  const on = host();
  const driver = plan(on);
  driver.create();
  on.fs.fail("rmdir /cg/devices/p/c", EBUSY);
  assertThrows(() => driver.destroy(), RuntimeError, "rmdir /cg/devices/p/c: device or resource busy");
  assertEquals([...on.fs.tree.keys()].filter((dir) => dir.endsWith("/p/c")), ["/cg/devices/p/c"]);
  const waits = on.fs.log.filter((line) => line.startsWith("pause")).map((line) => Number(line.slice(6)));
  assertEquals(waits.reduce((a, b) => a + b), 1023);
});

Deno.test("destroy on a read-only mount is fine where there is nothing to remove", () => {
  const on = host(["devices"]);
  on.fs.fail("rmdir /cg/devices/p/c", EROFS);
  const driver = plan(on);
  driver.destroy();
  driver.create();
  assertThrows(() => driver.destroy(), RuntimeError, "rmdir /cg/devices/p/c: read-only file system");
});

Deno.test("a driver made from a record works on the same directories", () => {
  const on = host();
  const { record } = plan(on);
  plan(on).create();
  const driver = new CgroupV1(on.fs, JSON.parse(JSON.stringify(record)), {
    tolerant: false,
    rootless: false,
  });
  driver.freeze();
  assertEquals(on.fs.tree.get("/cg/freezer/p/c")?.get("freezer.state"), "FROZEN\n");
  on.fs.put("/cg/freezer/p/c", "freezer.self_freezing", "1\n");
  assertEquals(driver.frozen(), true);
  driver.thaw();
  assertEquals(on.fs.tree.get("/cg/freezer/p/c")?.get("freezer.state"), "THAWED\n");
  driver.destroy();
  assertEquals(driver.frozen(), false);
  assertEquals(on.fs.mkdir("/cg/freezer/p"), EEXIST);
});

Deno.test("hasten: killed processes are thawed, in cgroups below too, and have no quota any more", () => {
  const on = host();
  const driver = plan(on);
  driver.create();
  on.fs.mkdir("/cg/freezer/p/c/inner");
  on.fs.put("/cg/freezer/p/c/inner", "freezer.self_freezing", "1\n");
  const cpu = driver.record.paths.cpu;
  on.fs.put(cpu, "cpu.cfs_quota_us", "1000\n");
  const before = on.fs.writes.length;
  driver.hasten();
  assertEquals(on.fs.writes.slice(before), [
    "/cg/freezer/p/c/inner/freezer.state THAWED",
    `${cpu}/cpu.cfs_quota_us -1`,
  ]);
  driver.destroy();
  driver.hasten();
});
