import { local } from "../../../ffi/local.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { EACCES, EBUSY, EINVAL, EOPNOTSUPP, EPERM, ESRCH } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import type { CgroupHost } from "../types.ts";
import { CgroupV2, planV2, type V2Options } from "./driver.ts";
import { LiveV2 } from "./live.ts";

const ROOT = "/sys/fs/cgroup";

/** A host with one v2 hierarchy whose new cgroups have the files of the kernel's. */
function host(own = "/user.slice/session.scope"): CgroupHost & { fs: FakeCgroupFs } {
  const fs = new FakeCgroupFs([ROOT], (dir) => ({
    "cgroup.procs": "",
    "cgroup.controllers": "cpu memory pids\n",
    "cgroup.subtree_control": "\n",
    "cgroup.events": "populated 0\nfrozen 0\n",
    "pids.max": "max\n",
    ...(dir === ROOT ? {} : { "cgroup.type": "domain\n", "cgroup.freeze": "0\n" }),
  }));
  const mounts = [{ version: 2 as const, controllers: ["unified"], mountpoint: ROOT, root: "/" }];
  return { fs, mounts, own: () => new Map([["unified", own]]) };
}

interface Scene {
  fs: FakeCgroupFs;
  driver: CgroupV2;
  attached: string[];
}

function scene(options: Partial<V2Options> = {}, inner = "/p/c"): Scene {
  const on = host();
  const attached: string[] = [];
  const attachDevices = (dir: string, program: Uint8Array) =>
    void attached.push(`${dir} ${program.length > 0}`);
  const driver = new CgroupV2(on.fs, planV2(on, inner), {
    tolerant: false,
    rootless: false,
    mountpoint: ROOT,
    attachDevices,
    ...options,
  });
  return { fs: on.fs, driver, attached };
}

Deno.test("planV2: absolute below the mount, relative beside the runtime's own cgroup", () => {
  const place = (inner: string, own?: string) => planV2(host(own), inner).paths.unified;
  assertEquals(place("/p/c"), `${ROOT}/p/c`);
  assertEquals(place("c"), `${ROOT}/user.slice/c`);
  assertEquals(place("c", "/"), `${ROOT}/c`);
  assertEquals(place("c", "/one"), `${ROOT}/c`);
  assertEquals(place("c", "/../../one/two"), `${ROOT}/c`);
  assertThrows(() => place("/"), RuntimeError, "root cgroup");
  assertThrows(() => planV2({ ...host(), mounts: [] }, "/c"), RuntimeError, "no cgroup2 mount");
});

Deno.test("create hands all controllers down to the leaf, and not below", () => {
  const { fs, driver } = scene();
  driver.create();
  assertEquals(fs.writes, [
    `${ROOT}/cgroup.subtree_control +cpu +memory +pids`,
    `${ROOT}/p/cgroup.subtree_control +cpu +memory +pids`,
  ]);
  assertEquals(driver.entry(), { tasks: [], cloneInto: `${ROOT}/p/c` });
});

Deno.test("controllers that are handed down already are left alone, refused ones are tried one by one", () => {
  const { fs, driver } = scene({}, "/c");
  fs.put(ROOT, "cgroup.subtree_control", "pids\n");
  fs.fail(`write ${ROOT}/cgroup.subtree_control`, EINVAL, EINVAL, 0);
  driver.create();
  assertEquals(fs.writes, [
    `${ROOT}/cgroup.subtree_control +cpu +memory`,
    `${ROOT}/cgroup.subtree_control +cpu`,
    `${ROOT}/cgroup.subtree_control +memory`,
  ]);
});

Deno.test("an occupied cgroup and a frozen one are refused, and stay as they are", () => {
  for (
    const [file, text, message] of [["cgroup.procs", "5\n", "not empty: 1 process"], [
      "cgroup.freeze",
      "1\n",
      "frozen",
    ]]
  ) {
    const { fs, driver } = scene();
    driver.create();
    fs.put(`${ROOT}/p/c`, file, text);
    const again = scene().driver;
    const second = new CgroupV2(fs, again.record, {
      tolerant: false,
      rootless: false,
      mountpoint: ROOT,
      attachDevices: () => {},
    });
    assertThrows(() => second.create(), RuntimeError, message);
    assertEquals(fs.tree.has(`${ROOT}/p/c`), true);
    second.destroy();
    assertEquals(fs.tree.has(`${ROOT}/p/c`), true);
  }
});

Deno.test("a failed create leaves nothing behind", () => {
  const { fs, driver } = scene();
  fs.fail(`mkdir ${ROOT}/p/c`, EACCES);
  assertThrows(() => driver.create(), RuntimeError, "mkdir /sys/fs/cgroup/p/c: permission denied");
  assertEquals([...fs.tree.keys()], [ROOT]);
});

Deno.test("rootless without a path does without a cgroup, until a limit is asked for", () => {
  const { fs, driver } = scene({ tolerant: true, rootless: true });
  fs.fail(`mkdir ${ROOT}/p`, EPERM);
  driver.create();
  driver.set({ memory: {} });
  driver.join(5);
  assertEquals([driver.pids(), driver.frozen(), driver.entry().cloneInto], [[], false, null]);
  driver.destroy();
  assertThrows(() => driver.set({ pids: { limit: 1 } }), RuntimeError, "cannot set pids limit");
  assertThrows(() => driver.freeze(), RuntimeError, "cannot toggle freezer");
});

Deno.test("rootless: what is there already and belongs to somebody else is neither entered nor removed", () => {
  for (const tolerant of [true, false]) {
    const { fs, driver } = scene({ tolerant, rootless: true });
    for (const dir of [`${ROOT}/p`, `${ROOT}/p/c`]) fs.mkdir(dir);
    fs.fail(`write ${ROOT}/p/c/cgroup.procs`, EACCES);
    if (tolerant) driver.create();
    else {assertThrows(
        () => driver.create(),
        RuntimeError,
        `open ${ROOT}/p/c/cgroup.procs: permission denied`,
      );}
    assertEquals(driver.entry().cloneInto, null);
    driver.destroy();
    assertEquals(fs.tree.has(`${ROOT}/p/c`), true);
  }
});

Deno.test("below a threaded cgroup: threaded where no domain controller is asked for", () => {
  const threaded = (resources: Parameters<CgroupV2["create"]>[0], type: string) => {
    const { fs, driver } = scene();
    fs.mkdir(`${ROOT}/p`);
    fs.mkdir(`${ROOT}/p/c`);
    fs.put(`${ROOT}/p/c`, "cgroup.type", type);
    driver.create(resources);
    return fs.read(`${ROOT}/p/c`, "cgroup.type");
  };
  assertEquals(threaded({ pids: { limit: 5 }, cpu: { cpus: "0" } }, "domain invalid\n"), "threaded\n");
  assertEquals(threaded(undefined, "threaded\n"), "threaded\n");
  const memory = { memory: { limit: 5 } };
  assertThrows(
    () => threaded(memory, "domain invalid\n"),
    RuntimeError,
    "with domain controllers -- it is in an invalid state",
  );
  assertThrows(() => threaded(memory, "domain threaded\n"), RuntimeError, "it is in threaded mode");
});

Deno.test("join waits for a process that is being born", () => {
  const { fs, driver } = scene();
  driver.create();
  fs.fail(`write ${ROOT}/p/c/cgroup.procs`, EINVAL, 0);
  driver.join(7);
  assertEquals(fs.log.includes("pause 30"), true);
  fs.fail(`write ${ROOT}/p/c/cgroup.procs`, ESRCH);
  assertThrows(
    () => driver.join(7),
    RuntimeError,
    'failed to write "7": write /sys/fs/cgroup/p/c/cgroup.procs',
  );
});

Deno.test("set attaches a device program first, then writes limits", () => {
  const { fs, driver, attached } = scene();
  driver.create();
  driver.set({ pids: { limit: 3 } });
  driver.set(undefined);
  assertEquals(attached, [`${ROOT}/p/c true`, `${ROOT}/p/c true`]);
  assertEquals(fs.read(`${ROOT}/p/c`, "pids.max"), "3\n");
});

Deno.test("a device program that cannot be attached is an error, unless rootless or all is allowed", () => {
  const attachDevices = () => {
    throw new RuntimeError("EIO_TEST", "bpf: operation not permitted");
  };
  const strict = scene({ attachDevices });
  strict.driver.create();
  assertThrows(() => strict.driver.set({}), RuntimeError, "bpf: operation not permitted");
  strict.driver.set({ devices: [{ allow: true, access: "rwm" }] });
  const rootless = scene({ attachDevices, rootless: true });
  rootless.driver.create();
  rootless.driver.set({});
});

Deno.test("freeze waits for the kernel's word, and gives up in time", () => {
  const { fs, driver } = scene();
  driver.create();
  const dir = `${ROOT}/p/c`;
  fs.put(dir, "cgroup.events", "populated 1\nfrozen 1\n");
  driver.freeze();
  assertEquals(driver.frozen(), true);
  driver.thaw();
  assertEquals(driver.frozen(), false);
  fs.put(dir, "cgroup.events", "populated 1\nfrozen 0\n");
  assertThrows(() => driver.freeze(), RuntimeError, "unable to freeze");
  assertEquals(driver.frozen(), false);
});

Deno.test("pids are those of the whole tree; threaded cgroups have theirs in the domain above", () => {
  const { fs, driver } = scene();
  driver.create();
  const dir = `${ROOT}/p/c`;
  fs.mkdir(`${dir}/inner`);
  fs.mkdir(`${dir}/threads`);
  fs.put(dir, "cgroup.procs", "9\n");
  fs.put(`${dir}/inner`, "cgroup.procs", "5\n9\n");
  fs.fail(`read ${dir}/threads/cgroup.procs`, EOPNOTSUPP);
  assertEquals(driver.pids(), [5, 9]);
});

Deno.test("a threaded cgroup's processes are found by their threads", () => {
  const { fs, driver } = scene();
  driver.create();
  const dir = `${ROOT}/p/c`;
  fs.mkdir(`${dir}/inner`);
  for (const one of [dir, `${dir}/inner`]) fs.fail(`read ${one}/cgroup.procs`, EOPNOTSUPP);
  fs.put(dir, "cgroup.threads", "10\n11\n12\n");
  fs.put(`${dir}/inner`, "cgroup.threads", "13\n");
  for (const [thread, process] of [[10, 10], [11, 10], [13, 7]]) {
    fs.tree.set(`/proc/${thread}`, new Map([["status", `Name:\tx\nTgid:\t${process}\nPid:\t${thread}\n`]]));
  }
  assertEquals(driver.pids(), [7, 10]);
});

Deno.test("all are killed at once where the kernel can do that", () => {
  const { fs, driver } = scene();
  driver.create();
  assertEquals(driver.kill(), false, "Linux before 5.14");
  fs.put(`${ROOT}/p/c`, "cgroup.kill", "");
  assertEquals(driver.kill(), true);
  assertEquals(fs.writes.at(-1), `${ROOT}/p/c/cgroup.kill 1`);
  fs.fail(`write ${ROOT}/p/c/cgroup.kill`, EOPNOTSUPP);
  assertEquals(driver.kill(), false, "a threaded one");
});

Deno.test("a limit of a controller that is missing names it, and what helps", () => {
  const { fs, driver } = scene();
  driver.create();
  fs.put(`${ROOT}/p/c`, "cgroup.controllers", "pids\n");
  fs.put(`${ROOT}/p`, "cgroup.controllers", "memory pids\n");
  fs.put(`${ROOT}/p`, "cgroup.subtree_control", "pids\n");
  const cases: [LinuxResources, string][] = [
    [
      { memory: { limit: 5000 } },
      `cannot set memory.max to "5000" (linux.resources.memory): the cgroup ${ROOT}/p/c has no memory controller: ` +
      `enable it by writing "+memory" to ${ROOT}/p/cgroup.subtree_control`,
    ],
    [
      { blockIO: { weight: 10 } },
      `cannot set io.weight to "1" (linux.resources.blockIO): the cgroup ${ROOT}/p/c has no io controller: ` +
      "it is not handed down to this part of the tree",
    ],
    [{ cpu: { cpus: "0" } }, "(linux.resources.cpu.cpus or cpu.mems)"],
  ];
  for (const [resources, message] of cases) {
    assertThrows(() => driver.set(resources), RuntimeError, message);
    assertThrows(() => new LiveV2(local, driver.record.paths, fs).update(resources), RuntimeError, message);
  }
  // Its controller is there, but not the file: an older kernel.
  fs.put(`${ROOT}/p/c`, "cgroup.controllers", "cpu\n");
  assertThrows(() => driver.set({ cpu: { idle: 1 } }), RuntimeError, "cpu.idle: no such file or directory");
});

Deno.test("destroy takes children along and can be repeated", () => {
  const { fs, driver } = scene();
  driver.create();
  fs.mkdir(`${ROOT}/p/c/inner`);
  fs.fail(`rmdir ${ROOT}/p/c/inner`, EBUSY, 0);
  driver.destroy();
  driver.destroy();
  assertEquals([...fs.tree.keys()], [ROOT, `${ROOT}/p`]);
});
