/**
 * The test machine is what the tests in it take it for: cgroup v2, systemd, AppArmor, and a tsrun that runs.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { host, readText } from "../lib/process.ts";
import { lacksAppArmor, lacksCgroupV1, lacksCgroupV2, lacksSystemd, skip } from "../lib/skip.ts";

/** Off the machine these are no statements: they are about the bed, not about tsrun. */
const elsewhere = readText("/etc/hostname").trim() === "tsrun-vm" ? undefined : "not in the test machine";

function machine(name: string, test: () => void | Promise<void>): void {
  if (elsewhere) skip(`test machine: ${name}`, elsewhere);
  else Deno.test(`test machine: ${name}`, test);
}

machine("cgroup v2 alone, with the controllers that limits need", () => {
  const mounts = readText("/proc/self/mountinfo").split("\n").filter((line) => / - cgroup2? /.test(line));
  assertEquals(mounts.map((line) => line.split(" ")[4]), ["/sys/fs/cgroup"]);
  for (const controller of ["cpu", "cpuset", "io", "memory", "pids", "hugetlb"]) {
    assertEquals(lacksCgroupV2(controller), undefined);
  }
  assertMatch(lacksCgroupV1() ?? "", /cgroup v1/);
});

machine("systemd is the first process, and nothing has failed", async () => {
  assertEquals(readText("/proc/1/comm").trim(), "systemd");
  assertEquals(lacksSystemd(), undefined);
  assertEquals(await host("systemctl", "--failed", "--no-legend", "--plain"), "");
});

machine("AppArmor is enabled, and the tool to load profiles is there", async () => {
  assertEquals(lacksAppArmor(), undefined);
  assertMatch(await host("apparmor_parser", "--version"), /AppArmor/);
});

machine("tester has a service manager, a bus, and ids of its own", async () => {
  assert(Deno.statSync("/run/user/1000/bus").isSocket);
  assertMatch(readText("/etc/subuid"), /^tester:\d+:65536$/m);
  const service = "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service";
  for (const controller of ["cpu", "memory", "pids"]) {
    assertMatch(readText(`${service}/cgroup.controllers`), new RegExp(`\\b${controller}\\b`));
  }
  assertMatch(await host("systemctl", "is-active", "user@1000.service"), /^active/);
});

contract("cgroup v2: a first container, in the cgroup that was asked for", async (box, runtime) => {
  assertMatch(
    assertOk(await box.cli(["--version"])).stdout,
    new RegExp(`^${runtime.reference ? "runc" : "tsrun"} `),
  );
  const container = box.container({ process: { args: sh("sleep 60") } });
  await container.started();
  assertEquals(readText(`/proc/${await container.pid()}/cgroup`), `0::/${container.id}\n`);
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
}, { skip: lacksCgroupV2() });
