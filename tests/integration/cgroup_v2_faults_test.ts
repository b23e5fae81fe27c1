/** cgroup v2 hosts that are not as they should be: each thing is said clearly, and nothing is left behind. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { execOutput } from "../lib/exec.ts";
import { exists, readText } from "../lib/process.ts";
import { contractV2, inNamespace, v2Host } from "../lib/v2_host.ts";

const host = v2Host();
const there = typeof host === "string" ? [] : readText(`${host.root}/cgroup.controllers`).trim().split(" ");

const SLEEP = { args: ["/bin/sleep", "60"] };

contractV2("a cgroup that is occupied is refused, and its process goes on", async (box) => {
  const first = await box.container({ process: SLEEP }).started();
  const second = box.container({ process: SLEEP, linux: { cgroupsPath: `/${first.id}` } });
  assertError(await second.create(), /container's cgroup is not empty: 1 process/);
  assertEquals(await first.status(), "running");
}, { notOnReference: "runc 1.1.5 warns and goes on" });

contractV2("a cgroup that is frozen is refused, and stays", async (box, root) => {
  const container = box.container({ process: SLEEP });
  const directory = `${root}/${container.id}`;
  Deno.mkdirSync(directory);
  Deno.writeTextFileSync(`${directory}/cgroup.freeze`, "1");
  assertError(await container.create(), /container's cgroup unexpectedly frozen/);
  assert(exists(directory));
  Deno.removeSync(directory);
});

contractV2("below a frozen cgroup nothing can be started, and create says so", async (box, root) => {
  const parent = `${root}/${box.token}-parent`;
  Deno.mkdirSync(parent);
  Deno.writeTextFileSync(`${parent}/cgroup.freeze`, "1");
  const container = box.container({ linux: { cgroupsPath: `/${box.token}-parent/leaf` } });
  assertError(await container.create(), /cannot start a process in \S+\/leaf: a cgroup above it is frozen/);
  Deno.removeSync(parent);
  await box.assertNothingLeft();
}, { notOnReference: "runc waits for ever" });

contractV2("an empty cgroup that is there already is used, and removed", async (box, root) => {
  const container = box.container({ process: SLEEP });
  Deno.mkdirSync(`${root}/${container.id}`);
  await container.started();
  assertEquals(readText(`${root}/${container.id}/cgroup.procs`).trim(), String(await container.pid()));
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
});

contractV2("a cgroup that hands controllers down cannot be entered: create says why", async (box, root) => {
  const container = box.container({ process: SLEEP });
  // One that a threaded cgroup cannot have: others leave room for processes.
  const controller = ["hugetlb", "memory"].find((name) => there.includes(name));
  // Which a first container has had handed down.
  assertOk(await (await box.container({ process: SLEEP }).created()).delete());
  Deno.mkdirSync(`${root}/${container.id}`);
  Deno.writeTextFileSync(`${root}/${container.id}/cgroup.subtree_control`, `+${controller}`);
  const result = await container.create();
  assertError(result, /device or resource busy/);
  if (!box.runtime.reference) {
    assertMatch(
      result.stderr,
      new RegExp(`enter the cgroup .*/${container.id} \\(it hands controllers down`),
    );
  }
}, { notOnReference: "runc 1.1.5 leaves the cgroup" });

contractV2("a stopped container whose cgroup was removed can be looked at and deleted", async (box, root) => {
  const container = await box.container({ process: { args: sh("true") } }).started();
  await container.wait("stopped");
  Deno.removeSync(`${root}/${container.id}`);
  assertEquals(await container.status(), "stopped");
  assertOk(await container.delete());
  await box.assertNothingLeft();
});

contractV2(
  "a cgroup that was removed under a running container: exec goes where the init is",
  async (box, root) => {
    const container = await box.container({ process: SLEEP }).started();
    const elsewhere = `${root}/${box.token}-elsewhere`;
    Deno.mkdirSync(elsewhere);
    Deno.writeTextFileSync(`${elsewhere}/cgroup.procs`, String(await container.pid()));
    Deno.removeSync(`${root}/${container.id}`);
    const place = await execOutput(container, ["cat", "/proc/self/cgroup"]);
    assertMatch(place, new RegExp(`^0::/${box.token}-elsewhere$`, "m"));
    assertEquals(await container.status(), "running");
    assertError(await box.cli(["pause", container.id]), /no such file or directory/);
    assertOk(await container.delete("--force"));
    Deno.removeSync(elsewhere);
    await box.assertNothingLeft();
  },
);

contractV2("a read-only hierarchy is an error that names the directory", async (box) => {
  const container = box.container({ process: SLEEP });
  const result = await container.create();
  assertError(result, new RegExp(`mkdir /sys/fs/cgroup/${container.id}: read-only file system`));
  await box.assertNothingLeft();
}, { within: inNamespace("ro") });

/** A limit of each controller, and what it is called. */
const LIMITS: readonly [controller: string, resources: Dict, file: string, field: string][] = [
  ["memory", { memory: { limit: 1 << 26 } }, "memory.max", "linux.resources.memory"],
  ["cpu", { cpu: { quota: 5000 } }, "cpu.max", "linux.resources.cpu"],
  ["cpuset", { cpu: { cpus: "0" } }, "cpuset.cpus", "linux.resources.cpu.cpus or cpu.mems"],
  ["pids", { pids: { limit: 5 } }, "pids.max", "linux.resources.pids"],
  ["io", { blockIO: { weight: 100 } }, "io.weight", "linux.resources.blockIO"],
];

const missing = LIMITS.filter(([controller]) => !there.includes(controller));

contractV2("a limit of a controller that is not there names limit, controller and remedy", async (box) => {
  const container = box.container();
  for (const [controller, resources, file, field] of missing) {
    container.configure({ process: SLEEP, linux: { resources } });
    const place = `\\(${field}\\): the cgroup \\S*/${container.id} has no ${controller} controller`;
    const text = `cannot set ${file} to ".*" ${place}: it is not handed down to this part of the tree`;
    assertError(await container.create(), new RegExp(text));
  }
  await box.assertNothingLeft();
}, {
  skip: missing.length === 0 ? "this machine has all controllers" : undefined,
  notOnReference: "runc says that there is no such file",
});

contractV2("a unified file of a controller that is not there names it", async (box) => {
  const container = box.container();
  container.configure({ process: SLEEP, linux: { resources: { unified: { "unheard.of": "1" } } } });
  assertError(await container.create(), /"unheard.of" can't be set: controller "unheard" not available/);
  await box.assertNothingLeft();
});

contractV2(
  "a controller that a parent with processes keeps to itself is named with its place",
  async (box, root) => {
    const parent = `${root}/${box.token}-parent`;
    Deno.mkdirSync(parent);
    const sleeper = new Deno.Command("/bin/sleep", { args: ["60"] }).spawn();
    try {
      Deno.writeTextFileSync(`${parent}/cgroup.procs`, String(sleeper.pid));
      const linux = {
        cgroupsPath: `/${box.token}-parent/leaf`,
        resources: { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] },
      };
      const result = await box.container({ process: SLEEP, linux }).create();
      const place = `enable it by writing "\\+hugetlb" to \\S*/${box.token}-parent/cgroup.subtree_control`;
      // Where there are controllers that such a parent can hand down, it has become a threaded one.
      const threaded = there.includes("pids") ? "domain controllers -- it is in an invalid state" : undefined;
      assertError(result, new RegExp(threaded ?? `the cgroup \\S*/leaf has no hugetlb controller: ${place}`));
      const free = box.container({ process: SLEEP, linux: { cgroupsPath: linux.cgroupsPath } });
      await free.started();
      assertOk(await free.delete("--force"));
    } finally {
      sleeper.kill("SIGKILL");
      await sleeper.status;
      Deno.removeSync(parent);
    }
  },
  {
    skip: exists("/sys/kernel/mm/hugepages/hugepages-2048kB") ? undefined : "no huge pages of 2 MB",
    notOnReference: "runc says that there is no such file",
  },
);

contractV2("unified: names of files only", async (box) => {
  const container = box.container();
  container.configure({ process: SLEEP, linux: { resources: { unified: { "../cgroup.freeze": "1" } } } });
  assertError(await container.create(), /must be a file name/);
  await box.assertNothingLeft();
});

contractV2("beside a threaded cgroup: threaded too, with all its processes in sight", async (box, root) => {
  const parent = `${root}/${box.token}-parent`;
  Deno.mkdirSync(`${parent}/threads`, { recursive: true });
  Deno.writeTextFileSync(`${parent}/threads/cgroup.type`, "threaded");
  try {
    const linux = { cgroupsPath: `/${box.token}-parent/leaf` };
    const script = "sleep 61 & sleep 62 & wait";
    const container = await box.container({ process: { args: sh(script) }, linux }).started();
    assertEquals(readText(`${parent}/leaf/cgroup.type`), "threaded\n");
    assertEquals(
      await execOutput(container, ["cat", "/proc/self/cgroup"]).then((text) => /^0::(.*)$/m.exec(text)?.[1]),
      `/${box.token}-parent/leaf`,
    );
    const pids = JSON.parse(assertOk(await box.cli(["ps", "--format", "json", container.id])).stdout);
    assertEquals(pids.length, 3);
    assertOk(await box.cli(["pause", container.id]));
    assertEquals(await container.status(), "paused");
    assertOk(await container.delete("--force"));
    assert(!exists(`${parent}/leaf`));
    const limited = box.container({
      process: SLEEP,
      linux: { ...linux, resources: { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] } },
    });
    assertError(
      await limited.create(),
      /cannot enter cgroupv2 ".*leaf" with domain controllers -- it is in an invalid state/,
    );
  } finally {
    for (const one of ["threads", ""]) Deno.removeSync(`${parent}/${one}`);
  }
}, { notOnReference: "runc cannot list the processes of a threaded cgroup" });

contractV2("a container whose state cannot be read is removed with its cgroup", async (box, root) => {
  const container = await box.container({ process: SLEEP }).started();
  Deno.writeTextFileSync(`${box.root}/${container.id}/state.json`, "{");
  assertOk(await container.delete("--force"));
  assert(!exists(`${root}/${container.id}`));
  await box.assertNothingLeft();
}, { notOnReference: "runc removes its directory only" });
