/** Containers on a host of cgroup v2: places, namespaces, exec, pause, devices, limits, removal. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { exec, execOutput } from "../lib/exec.ts";
import { exists, readText, sleep, until } from "../lib/process.ts";
import { contractV2 } from "../lib/v2_host.ts";

const SLEEP = { args: ["/bin/sleep", "60"] };
const TYPES = ["pid", "network", "ipc", "uts", "mount"];
const WITH_NAMESPACE = { namespaces: namespaces(...TYPES, "cgroup") };

/** A config's mount of the hierarchy. */
function cgroupMount(...options: string[]): Dict {
  return { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", ...options] };
}

/** The config of a container that shows the hierarchy to a script. */
function showing(script: string, linux: Dict, ...options: string[]): Dict {
  const sysfs = { destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"] };
  const proc = { destination: "/proc", type: "proc", source: "proc" };
  return { process: { args: sh(script) }, linux, mounts: [proc, sysfs, cgroupMount(...options)] };
}

function file(root: string, container: Container, name: string): string {
  return readText(`${root}/${container.id}/${name}`).trim();
}

/** Cgroup of a process in the v2 hierarchy. */
function cgroupOf(text: string): string | undefined {
  return /^0::(.*)$/m.exec(text)?.[1];
}

contractV2(
  "a container is in its cgroup, which has all controllers and hands none down",
  async (box, root) => {
    const container = await box.container({ process: SLEEP }).created();
    assertEquals(file(root, container, "cgroup.procs"), String(await container.pid()));
    assertEquals(file(root, container, "cgroup.controllers"), readText(`${root}/cgroup.controllers`).trim());
    assertEquals(file(root, container, "cgroup.subtree_control"), "");
    assertEquals(cgroupOf(readText(`/proc/${await container.pid()}/cgroup`)), `/${container.id}`);
    assertOk(await container.start());
    assertEquals(await container.status(), "running");
    assertEquals(JSON.parse(assertOk(await box.cli(["ps", "--format", "json", container.id])).stdout), [
      await container.pid(),
    ]);
    assertOk(await container.delete("--force"));
    await box.assertNothingLeft();
  },
);

contractV2("a relative path is beside the runtime's cgroup, no path is the id there", async (box, root) => {
  for (const cgroupsPath of [undefined, `${box.token}-relative`]) {
    const container = box.container();
    container.configure({ process: SLEEP, linux: { cgroupsPath } });
    await container.created();
    const own = cgroupOf(readText("/proc/self/cgroup")) ?? "/";
    const parent = own.slice(0, own.lastIndexOf("/"));
    const place = cgroupOf(readText(`/proc/${await container.pid()}/cgroup`));
    assertEquals(place, `${parent}/${cgroupsPath ?? container.id}`);
    assert(exists(`${root}${place}`));
    assertOk(await container.delete("--force"));
  }
});

contractV2("with a cgroup namespace the container sees its own part, and may use it", async (box, root) => {
  const script = "cat /proc/self/cgroup; cat /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/inner && " +
    "echo $$ >/sys/fs/cgroup/inner/cgroup.procs && cat /proc/self/cgroup";
  const container = box.container(showing(script, WITH_NAMESPACE));
  const lines = (await container.completed()).split("\n").filter((line) => /^(0::|\d+$)/.test(line));
  assertEquals(lines[0], "0::/");
  assertEquals(lines[1], "1");
  assertEquals(lines.at(-1), "0::/inner");
  assertMatch(lines[2] ?? "", /^\d+$/, "cat itself");
  assert(exists(`${root}/${container.id}/inner`));
  assertOk(await container.delete());
  await box.assertNothingLeft();
});

contractV2(
  "a read-only mount of the hierarchy can be read only, the host's stays as it is",
  async (box, root) => {
    const script =
      "mkdir /sys/fs/cgroup/inner 2>&1; cat /sys/fs/cgroup/cgroup.type; grep ' /sys/fs/cgroup ' /proc/mounts";
    const container = box.container(showing(script, WITH_NAMESPACE, "ro", "nodev", "noexec"));
    const output = await container.completed();
    assertMatch(output, /can't create directory '\/sys\/fs\/cgroup\/inner': Read-only file system/);
    assertMatch(output, /^domain$/m);
    assertMatch(output, /^\S+ \/sys\/fs\/cgroup cgroup2 ro,nosuid,nodev,noexec/m);
    Deno.mkdirSync(`${root}/${container.id}/still-writable`);
  },
);

contractV2("without a cgroup namespace the container sees what the runtime sees", async (box) => {
  const script = "cat /proc/self/cgroup; ls -d /sys/fs/cgroup/tsrun-test-*; mkdir /sys/fs/cgroup/x 2>&1";
  const container = box.container(showing(script, { namespaces: namespaces(...TYPES) }, "ro"));
  const output = await container.completed();
  assertEquals(cgroupOf(output), `/${container.id}`);
  assertMatch(output, new RegExp(`^/sys/fs/cgroup/${container.id}$`, "m"));
  assertMatch(output, /Read-only file system/);
});

contractV2("exec runs in the container's cgroup, or in one below that it asks for", async (box, root) => {
  const container = await box.container({ process: SLEEP }).started();
  const place = async (...flags: string[]) =>
    cgroupOf(await execOutput(container, ["cat", "/proc/self/cgroup"], { flags }));
  assertEquals(await place(), `/${container.id}`);
  Deno.mkdirSync(`${root}/${container.id}/sub`);
  assertEquals(await place("--cgroup", "sub"), `/${container.id}/sub`);
  assertEquals(await place("--cgroup", "/"), `/${container.id}`);
  const missing = await exec(container, ["true"], { flags: ["--cgroup", "none"] });
  assertError(missing, /no such file or directory/, 255);
  const outside = await exec(container, ["true"], { flags: ["--cgroup", "../../x"] });
  assertEquals(outside.code, 255);
});

contractV2("exec goes where the init went when it handed controllers down", async (box, root) => {
  const controller = readText(`${root}/cgroup.controllers`).includes("hugetlb") ? "hugetlb" : "memory";
  const script = "cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && " +
    `echo +${controller} >cgroup.subtree_control && echo moved; sleep 60`;
  const container = await box.container(showing(script, WITH_NAMESPACE)).started();
  await until("the move", () => container.stdout() === "moved\n");
  const output = await execOutput(container, ["cat", "/proc/self/cgroup"]);
  assertEquals(cgroupOf(output), "/init");
  const named = await exec(container, ["true"], { flags: ["--cgroup", "/"] });
  assertError(named, /device or resource busy/, 255);
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
});

contractV2("pause and resume: all stands still, in cgroups below too", async (box, root) => {
  const script = "mkdir /sys/fs/cgroup/inner; (echo 0 >/sys/fs/cgroup/inner/cgroup.procs; " +
    "while :; do printf .; sleep .01; done) & wait";
  const container = await box.container(showing(script, WITH_NAMESPACE)).started();
  await until("life", () => container.stdout().length > 3);
  assertOk(await box.cli(["pause", container.id]));
  assertEquals(await container.status(), "paused");
  assertEquals(file(root, container, "cgroup.freeze"), "1");
  const before = container.stdout().length;
  await sleep(150);
  assertEquals(container.stdout().length, before);
  assertError(await exec(container, ["true"]), /paused/, 255);
  assertOk(await box.cli(["resume", container.id]));
  assertEquals(await container.status(), "running");
  await until("more life", () => container.stdout().length > before);
  assertOk(await box.cli(["pause", container.id]));
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
});

contractV2("kill: KILL ends a paused container", async (box) => {
  const container = await box.container({ process: SLEEP }).started();
  assertOk(await box.cli(["pause", container.id]));
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertOk(await container.delete());
});

contractV2(
  "kill --all reaches processes without a PID namespace, in cgroups below too",
  async (box, root) => {
    const linux = { namespaces: namespaces("network", "ipc", "uts", "mount", "cgroup") };
    const script = "mkdir /sys/fs/cgroup/inner; " +
      "(echo 0 >/sys/fs/cgroup/inner/cgroup.procs; sleep 61 & sleep 62) & sleep 63 & echo ready; wait";
    const container = await box.container(showing(script, linux)).started();
    const all = () =>
      [`${root}/${container.id}`, `${root}/${container.id}/inner`].flatMap((dir) =>
        readText(`${dir}/cgroup.procs`).split("\n").filter((pid) => pid !== "")
      );
    await until("all processes", () => all().length >= 4);
    assertOk(await container.kill("--all", "KILL"));
    await until("their end", () => all().length === 0);
    await container.wait("stopped");
    assertOk(await container.delete());
    await box.assertNothingLeft();
  },
);

/** A program that lives for a moment only, and leaves a copy of itself each time. */
const HOPPING =
  'printf "#!/bin/sh\\n/tmp/hop & exit\\n" >/tmp/hop; chmod +x /tmp/hop; /tmp/hop & exec sleep 60';

contractV2(
  "kill --all: a process that forks and ends all the time gets the signal, too",
  async (box, root) => {
    const linux = { namespaces: namespaces("network", "ipc", "uts", "mount") };
    const container = await box.container({ process: { args: sh(HOPPING) }, linux }).started();
    const inside = () => readText(`${root}/${container.id}/cgroup.procs`);
    const first = inside();
    await until("other processes", () => inside() !== first && inside().trim().split("\n").length > 1);
    assertOk(await container.kill("--all", "TERM"));
    await until("the end of all", () => inside() === "");
    assertOk(await container.delete());
  },
);

contractV2("delete --force ends what an init left behind, and removes cgroups below", async (box, root) => {
  const linux = { namespaces: namespaces("network", "ipc", "uts", "mount", "cgroup") };
  const script = "mkdir -p /sys/fs/cgroup/a/b /sys/fs/cgroup/c; (echo 0 >/sys/fs/cgroup/a/b/cgroup.procs; " +
    "exec sleep 61) & sleep .2; exit";
  const container = await box.container(showing(script, linux)).started();
  await container.wait("stopped");
  await until("the one that stays", () => readText(`${root}/${container.id}/a/b/cgroup.procs`) !== "");
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
}, { notOnReference: "runc 1.1.5 leaves them" });

/**
 * What a script in the container may do with the kernel's log, which a capability guards too, and the loop
 * control.
 */
const DEVICES = {
  nodes: [
    { type: "c", path: "/dev/kmsg-node", major: 1, minor: 11 },
    { type: "c", path: "/dev/loop-control", major: 10, minor: 237 },
  ],
  script: "for n in kmsg-node loop-control null; do (: </dev/$n) 2>/dev/null && echo r $n; " +
    "(: >>/dev/$n) 2>/dev/null && echo w $n; done; true",
};
const RULES = [
  { allow: false, access: "rwm" },
  { allow: true, type: "c", major: 10, minor: 237, access: "r" },
];

contractV2("devices are denied but for those that are allowed", async (box) => {
  const container = box.container({
    process: { args: sh(`${DEVICES.script}; mknod /tmp/made c 1 11 && echo made`) },
    linux: { devices: DEVICES.nodes, resources: { devices: RULES } },
  });
  assertEquals(await container.completed(), "r loop-control\nr null\nw null\nmade\n");
});

contractV2("device rules: an update replaces them by others, and only by others", async (box) => {
  const container = await box.container({
    process: SLEEP,
    linux: { devices: DEVICES.nodes, resources: { devices: RULES } },
  }).started();
  const works = () => execOutput(container, sh(DEVICES.script));
  const update = (devices: Dict[]) =>
    box.cli(["update", "--resources", "-", container.id], { stdin: JSON.stringify({ devices }) });
  assertEquals(await works(), "r loop-control\nr null\nw null\n");
  assertOk(await update([RULES[0], { allow: true, type: "c", major: 1, minor: 11, access: "rw" }]));
  assertEquals(await works(), "w kmsg-node\nr null\nw null\n");
  assertError(await update([{ allow: true, type: "x", access: "r" }]), /devices/);
  assertOk(await update([{ allow: true, access: "rwm" }]));
  assertEquals(await works(), "w kmsg-node\nr loop-control\nw loop-control\nr null\nw null\n");
}, { notOnReference: "runc leaves device rules alone" });

contractV2("huge pages and unified files are limited, by update too", async (box, root) => {
  const resources = {
    hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }],
    unified: { "cgroup.max.descendants": "7" },
  };
  const container = await box.container({ process: SLEEP, linux: { resources } }).started();
  const read = () => ["2MB.max", "2MB.rsvd.max"].map((name) => file(root, container, `hugetlb.${name}`));
  assertEquals(read(), [String(4 << 20), String(4 << 20)]);
  assertEquals(file(root, container, "cgroup.max.descendants"), "7");
  const change = {
    hugepageLimits: [{ pageSize: "2MB", limit: 6 << 20 }],
    unified: { "cgroup.max.depth": "3" },
  };
  assertOk(await box.cli(["update", "-r", "-", container.id], { stdin: JSON.stringify(change) }));
  assertEquals(read(), [String(6 << 20), String(6 << 20)]);
  assertEquals(file(root, container, "cgroup.max.depth"), "3");
}, {
  skip: exists("/sys/kernel/mm/hugepages/hugepages-2048kB") ? undefined : "no huge pages of 2 MB",
  notOnReference: "runc 1.1.5 does not limit their reservation, nor update either",
});

contractV2("events --stats: time, and processes, without any controller for them", async (box) => {
  const container = await box.container({ process: SLEEP }).started();
  const { stdout } = assertOk(await box.cli(["events", "--stats", container.id]));
  const { type, data } = JSON.parse(stdout);
  assertEquals([type, data.pids.current], ["stats", 1]);
  assert(data.cpu.usage.total > 0, stdout);
});
