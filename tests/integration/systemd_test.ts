/** Containers in units of systemd: --systemd-cgroup, on cgroup v2 and v1. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { compareWithTraces } from "../lib/explained.ts";
import { execOutput } from "../lib/exec.ts";
import { until } from "../lib/process.ts";
import { contractSystemd, type SystemdHost, systemdHosts } from "../lib/systemd_host.ts";

const MIB = 1 << 20;
const GLOBALS = { globals: ["--systemd-cgroup"] };
/** In slices that no other program has; the second is in the first. */
const SLICES = ["tsrunsd.slice", "tsrunsd-inner.slice"];
const hosts = await systemdHosts();

function inSlice(box: Box, overrides: Dict = {}, annotations: Dict = {}): Container {
  const container = box.container();
  const cgroupsPath = `${SLICES[1]}:tsrun:${container.id}`;
  container.configure({
    process: { args: ["/bin/sleep", "600"] },
    annotations,
    linux: { cgroupsPath, ...overrides },
  });
  return container;
}

function unitOf({ id }: Container): string {
  return `tsrun-${id}.scope`;
}

function pathOf(container: Container): string {
  return `${SLICES.join("/")}/${unitOf(container)}`;
}

function hasMemory(on: SystemdHost): boolean {
  return on.version === 1 || on.read("/sys/fs/cgroup/cgroup.controllers").includes("memory");
}

/** Limits that the host has controllers for. */
function limits(on: SystemdHost): Dict {
  if (!hasMemory(on)) return {};
  return {
    memory: { limit: 64 * MIB },
    cpu: { shares: 512, quota: 33_333, period: 50_000 },
    pids: { limit: 50 },
  };
}

async function gone(on: SystemdHost, container: Container): Promise<void> {
  await until(
    `the end of ${unitOf(container)}`,
    async () => (await on.units(unitOf(container))).length === 0,
  );
  for (const controller of ["devices", "memory", "freezer", "systemd"]) {
    assert(!on.has(on.directory(controller, pathOf(container))), controller);
  }
}

contractSystemd(
  hosts,
  "a life in a scope: slices, properties, exec, update, pause, kill, delete",
  async (box, on) => {
    const container = inSlice(box, { resources: limits(on) });
    await container.created(GLOBALS);
    const unit = unitOf(container), pid = await container.pid();
    assertEquals(
      await on.properties(
        unit,
        "ActiveState",
        "Description",
        "Slice",
        "Delegate",
        "ControlGroup",
        "DefaultDependencies",
      ),
      ["active", `libcontainer container ${container.id}`, SLICES[1], "yes", `/${pathOf(container)}`, "no"],
    );
    for (const controller of ["devices", "memory", "freezer", "name=systemd"]) {
      assertEquals(on.cgroupOf(pid, controller), `/${pathOf(container)}`, controller);
    }
    assertOk(await container.start());
    const limited = on.version === 2 ? "MemoryMax" : "MemoryLimit";
    if (hasMemory(on)) {
      assertEquals(
        await on.properties(unit, limited, "TasksMax", "CPUQuotaPerSecUSec", "CPUQuotaPeriodUSec"),
        [
          String(64 * MIB),
          "50",
          "670ms",
          "50ms",
        ],
      );
      assertOk(await box.cli(["update", "--memory", "80m", "--pids-limit", "70", container.id]));
      assertEquals(await on.properties(unit, limited, "TasksMax"), [String(80 * MIB), "70"]);
      const file = on.version === 2 ? "memory.max" : "memory.limit_in_bytes";
      assertEquals(on.read(`${on.directory("memory", pathOf(container))}/${file}`).trim(), String(80 * MIB));
      assertEquals(on.read(`${on.directory("pids", pathOf(container))}/pids.max`).trim(), "70");
    }
    assertEquals(on.cgroupOf(pid, "devices"), `/${pathOf(container)}`, "after the update");
    const script = "grep -q tsrun-systemd /proc/self/cgroup; cat /proc/self/cgroup";
    const seen = await execOutput(container, ["sh", "-c", script]);
    assert(seen.includes(unit) || seen.includes("0::/\n"), seen);
    assertOk(await box.cli(["pause", container.id]));
    assertEquals(await container.status(), "paused");
    assertOk(await box.cli(["resume", container.id]));
    assertOk(await container.kill("KILL"));
    await container.wait("stopped");
    assertOk(await container.delete());
    await gone(on, container);
  },
  { timeout: 60_000, notOnReference: "runc 1.1.5 loses the devices cgroup on v1, see the driver" },
);

contractSystemd(
  hosts,
  "explain tells the calls that are made, and what systemd is asked for",
  async (box, on) => {
    const container = inSlice(box, { resources: limits(on) });
    const said = await compareWithTraces(box, container, GLOBALS.globals), unit = unitOf(container);
    const asked = Object.values(said).flat().map(({ call }) =>
      /^org\.freedesktop\.systemd1\.Manager\.(\w+)\("([^"]*)"/.exec(call)?.slice(1).join(" ")
    );
    const methods = ["StartTransientUnit", ...hasMemory(on) ? ["SetUnitProperties"] : [], "StopUnit"];
    assertEquals(asked.filter((call) => call !== undefined), methods.map((method) => `${method} ${unit}`));
    const start = said.create.find(({ call }) => call.includes("StartTransientUnit"))!.call;
    assertMatch(start, /Slice="tsrunsd-inner\.slice", Delegate=true, PIDs=\[\d+\], MemoryAccounting=true/);
  },
  { timeout: 60_000, notOnReference: "runc explains nothing" },
);

contractSystemd(hosts, "a container that runs goes by force, with its unit", async (box, on) => {
  const container = await inSlice(box).started(GLOBALS);
  assertOk(await container.delete("--force"));
  await gone(on, container);
});

contractSystemd(
  hosts,
  "devices that were not allowed stay so, and those that are stay allowed, over an update",
  async (box, on) => {
    const container = await inSlice(box, {
      resources: { ...limits(on), devices: [{ allow: false, access: "rwm" }] },
    })
      .started(GLOBALS);
    const attempt = [
      "sh",
      "-c",
      "mknod /tmp/d b 7 0; (: <>/tmp/d) && echo open; (: >/dev/null) && echo null",
    ];
    for (const flags of [[], ["--cpu-period", "40000"]]) {
      if (flags.length > 0 && hasMemory(on)) assertOk(await box.cli(["update", ...flags, container.id]));
      const output = await execOutput(container, attempt);
      assertEquals(output.trim(), "null");
    }
  },
  { notOnReference: "runc 1.1.5 loses the devices cgroup on v1, see the driver" },
);

contractSystemd(
  hosts,
  "a unit that exists is not touched; one that has failed is forgotten",
  async (box, on) => {
    const container = inSlice(box);
    const unit = unitOf(container);
    /** A scope of another program, which systemd ends after so many seconds. */
    const occupy = (seconds: number) => {
      const property = `RuntimeMaxSec=${seconds}`;
      const argv = [
        "systemd-run",
        "--quiet",
        "--scope",
        `--unit=${unit}`,
        "-p",
        property,
        "/bin/sleep",
        "60",
      ];
      return box.command([...on.within, "/usr/bin/env", ...argv]);
    };
    const first = occupy(3600);
    await until("the scope", async () => (await on.properties(unit, "ActiveState"))[0] === "active");
    assertError(
      await container.create(GLOBALS),
      /unable to start unit "\S+": Unit \S+ (already exists|was already loaded)/,
    );
    assertEquals((await on.properties(unit, "ActiveState"))[0], "active");
    await on.run("systemctl", "stop", unit);
    await first;
    const second = occupy(1);
    await until("a failed scope", async () => (await on.properties(unit, "ActiveState"))[0] === "failed");
    await second;
    await container.created(GLOBALS);
    assertEquals((await on.properties(unit, "ActiveState"))[0], "active");
    assertOk(await container.delete("--force"));
    await gone(on, container);
  },
  { notOnReference: "the wording is ours", timeout: 60_000 },
);

contractSystemd(hosts, "annotations are properties of the unit", async (box, on) => {
  const key = (name: string) => `org.systemd.property.${name}`;
  const container = inSlice(box, {}, {
    [key("TimeoutStopSec")]: "7",
    [key("CollectMode")]: "'inactive-or-failed'",
  });
  await container.created(GLOBALS);
  assertEquals(await on.properties(unitOf(container), "TimeoutStopUSec", "CollectMode"), [
    "7s",
    "inactive-or-failed",
  ]);
  const wrong = inSlice(box, {}, { [key("CollectMode")]: "inactive" });
  assertError(
    await wrong.create(GLOBALS),
    /annotation org\.systemd\.property\.CollectMode=inactive value parse error/,
  );
  const refused = inSlice(box, {}, { [key("NoSuchThing")]: "true" });
  assertError(await refused.create(GLOBALS), /NoSuchThing/);
  assertEquals(await on.units(unitOf(refused)), []);
});

contractSystemd(
  hosts,
  "a container with ids of its own may manage its cgroup on v2, and not its limits",
  async (box, on) => {
    if (on.version === 1) return;
    const mapping = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    const container = inSlice(box, {
      namespaces: namespaces("pid", "mount", "ipc", "uts", "network", "cgroup", "user"),
      uidMappings: mapping,
      gidMappings: mapping,
    });
    const config = JSON.parse(Deno.readTextFileSync(`${container.bundle.dir}/config.json`));
    config.mounts.push({
      destination: "/sys/fs/cgroup",
      type: "cgroup",
      source: "cgroup",
      options: ["rw", "nosuid"],
    });
    config.process.args = sh(
      "mkdir /sys/fs/cgroup/inner && echo $$ >/sys/fs/cgroup/inner/cgroup.procs; grep ^0: /proc/self/cgroup; " +
        "(echo 1 >/sys/fs/cgroup/cgroup.max.depth) 2>/dev/null || echo refused",
    );
    container.writeConfig(JSON.stringify(config));
    await box.command(["/bin/chown", "-R", "100000:100000", container.bundle.rootfs]);
    await container.created(GLOBALS);
    assertOk(await container.start());
    await container.wait("stopped");
    assertEquals(container.stdout(), "0::/inner\nrefused\n", container.stderr());
  },
  { notOnReference: "runc 1.1.5 knows nothing of hosts' lists" },
);

contractSystemd(hosts, "a cgroupsPath of the other kind is refused", async (box) => {
  const container = inSlice(box, { cgroupsPath: "/a/b" });
  assertError(
    await container.create(GLOBALS),
    /expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "\/a\/b" instead/,
  );
});

contractSystemd(hosts, "without a path of its own a container is in the system's slice", async (box, on) => {
  const container = box.container();
  container.configure({ process: { args: ["/bin/sleep", "600"] }, linux: { cgroupsPath: undefined } });
  await container.created(GLOBALS);
  assertEquals(on.cgroupOf(await container.pid(), "devices"), `/system.slice/runc-${container.id}.scope`);
  assertEquals((await on.properties(`runc-${container.id}.scope`, "Slice"))[0], "system.slice");
}, { notOnReference: "runc 1.1.5 loses the devices cgroup on v1, see the driver" });

contractSystemd(hosts, "a bus that takes us in and says nothing is an error in time", async (box) => {
  const path = `${box.dir}/bus`;
  using listener = Deno.listen({ transport: "unix", path });
  const silent = listener.accept();
  const container = inSlice(box);
  const env = { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${path}` };
  const before = performance.now();
  const result = await container.create({ ...GLOBALS, env });
  assertError(result, /the system bus \(\S+\/bus\) does not let us in within 10 s/);
  assert(performance.now() - before > 9_000);
  (await silent).close();
  await box.assertNothingLeft();
}, { notOnReference: "runc waits for ever" });

Deno.test({
  name: "systemd: the slices of these tests go",
  ignore: typeof hosts === "string",
  fn: async () => {
    for (const on of hosts as SystemdHost[]) {
      await on.run("systemctl", "stop", SLICES[0]);
      // systemd forgets a unit that has ended when it next finds the time.
      await until("the end of the slices", async () => (await on.units("tsrunsd*")).length === 0);
    }
  },
});

contractSystemd(hosts, "doctor asks the manager for its release", async (box, on) => {
  const { stdout } = await box.cli(["doctor", "--format", "json"]);
  const groups = JSON.parse(stdout).groups as { name: string; findings: { state: string; says: string }[] }[];
  const [manager] = groups.find(({ name }) => name === "systemd")!.findings;
  assertEquals(manager.state, "ok", manager.says);
  const release = /^systemd (\d+)/.exec(await on.run("systemctl", "--version"))?.[1];
  assertEquals(manager.says, `release ${release} answers on the system bus`);
}, { notOnReference: "runc has no such command" });
