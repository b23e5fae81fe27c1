/**
 * dockerd as it is on a host with systemd and cgroup v2 alone: each container in a scope that systemd makes.
 *
 * An emulated machine takes seconds for every command, so one container goes through most of docker's
 * commands. With `TSRUN_TEST_REFERENCE` set the same is done under Debian's runc, for which the expectations
 * hold too.
 */
import { assert, assertEquals } from "@std/assert";
import { Docker, dockerMissing, type RuntimeName } from "../clients/docker.ts";
import { testClient } from "../clients/client.ts";
import { readText } from "../lib/process.ts";
import { lacksAppArmor, lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";
import { cgroupOf, limitsOf, propertiesOf, RUNTIMES, untilGone } from "./scopes.ts";

/** One test under one runtime. */
type Case = (docker: Docker, runtime: RuntimeName) => Promise<unknown>;

const FILES = ["memory.max", "memory.swap.max", "cpu.max", "pids.max"];
const PROPERTIES = ["ActiveState", "Slice", "MemoryMax", "CPUQuotaPerSecUSec", "TasksMax"];
const LIMITS = ["-m", "64m", "--memory-swap", "96m", "--cpus", ".5", "--pids-limit", "50"];

/** Runs until it is asked to end, and then ends with status 3. */
const POLITE = ["sh", "-c", "trap 'exit 3' TERM; sleep 600 & wait"];

const CASES: Record<string, Case> = {
  "a process that needs more memory than it has is killed": async (docker, runtime) => {
    const script = "echo hello; exec dd if=/dev/zero of=/dev/null bs=64M count=1";
    const flags = ["--network", "none", "-m", "16m", "--memory-swap", "16m"];
    const { code, stdout } = await docker.container(runtime, ...flags, "box", "sh", "-c", script);
    assertEquals([code, stdout], [137, "hello\n"]);
  },

  "a life: limits, label, exec, update, pause, stats, stop, rm": async (docker, runtime) => {
    const id = await docker.detached(runtime, "--network", "none", ...LIMITS, "box", ...POLITE);
    const pid = Number((await docker.inspect(id)).State.Pid), directory = cgroupOf(pid);
    assertEquals(directory, `/sys/fs/cgroup/system.slice/docker-${id}.scope`);
    assertEquals(await limits(id, pid), [
      [String(64 << 20), String(32 << 20), "50000 100000", "50"],
      ["active", "system.slice", String(64 << 20), "500ms", "50"],
    ]);
    const label = lacksAppArmor() ? "" : "docker-default (enforce)";
    if (label) assertEquals(readText(`/proc/${pid}/attr/current`).trim(), label);
    const exec = await docker.run(
      "exec",
      id,
      "sh",
      "-c",
      "cat /proc/self/attr/current /proc/self/cgroup; exit 5",
    );
    assertEquals([exec.code, exec.stdout], [5, `${label ? `${label}\n` : ""}0::/\n`]);
    await docker.ok("update", "-m", "128m", "--memory-swap", "160m", "--cpus", "1", "--pids-limit", "70", id);
    assertEquals(await limits(id, pid), [
      [String(128 << 20), String(32 << 20), "100000 100000", "70"],
      ["active", "system.slice", String(128 << 20), "1s", "70"],
    ]);
    await pauseAndResume(docker, id, directory);
    const figures = await docker.ok("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", id);
    assertEquals(figures.split(" / ")[1], "128MiB 2");
    assert(!figures.startsWith("0B"), figures);
    await docker.ok("stop", "-t", "60", id);
    assertEquals(await docker.ok("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", id), "3 exited");
    await untilGone(id, directory);
    await docker.ok("rm", id);
  },
};

/** Limits of a container, as the kernel and as systemd have them. */
async function limits(id: string, pid: number): Promise<string[][]> {
  return [limitsOf(pid, FILES), await propertiesOf(`docker-${id}.scope`, PROPERTIES)];
}

async function pauseAndResume(docker: Docker, id: string, directory: string): Promise<void> {
  const frozen = () => readText(`${directory}/cgroup.events`).includes("frozen 1");
  await docker.ok("pause", id);
  assertEquals(frozen(), true);
  assertEquals((await docker.inspect(id)).State.Status, "paused");
  await docker.ok("unpause", id);
  assertEquals(frozen(), false);
}

const missing = dockerMissing() ?? lacksSystemd() ?? lacksCgroupV2();
testClient("docker with systemd", missing, () => Docker.start("systemd"), async (docker, t) => {
  assertEquals(await docker.ok("info", "-f", "{{.CgroupDriver}} {{.CgroupVersion}}"), "systemd 2");
  for (const [name, fn] of Object.entries(CASES)) {
    for (const runtime of RUNTIMES) {
      await t.step(`${name} [${runtime}]`, async () => void (await fn(docker, runtime)));
    }
  }
  await docker.removeAll();
  assertEquals([...Deno.readDirSync(docker.stateDir())].map(({ name }) => name), []);
});
