/**
 * podman with its usual cgroup manager, systemd: containers in scopes of machine.slice. See
 * clients_docker_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import { Podman, podmanMissing, type RuntimeName } from "../clients/podman.ts";
import { testClient } from "../clients/client.ts";
import { readText } from "../lib/process.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";
import { cgroupOf, limitsOf, propertiesOf, RUNTIMES, untilGone } from "./scopes.ts";

const FILES = ["memory.max", "cpu.max", "pids.max"];
const PROPERTIES = ["ActiveState", "Slice", "MemoryMax", "TasksMax"];
const LIMITS = ["-m", "64m", "--cpus", ".5", "--pids-limit", "50"];
const POLITE = ["sh", "-c", "trap 'exit 3' TERM; sleep 600 & wait"];

/** One container's life: limits, exec, pause, stats, stop, rm. */
async function life(podman: Podman, runtime: RuntimeName): Promise<void> {
  const id = await podman.detached(runtime, ...LIMITS, "box", ...POLITE);
  const pid = Number(await podman.ok("inspect", "-f", "{{.State.Pid}}", id)), directory = cgroupOf(pid);
  assert(directory.startsWith(`/sys/fs/cgroup/machine.slice/libpod-${id}.scope`), directory);
  assertEquals(limitsOf(pid, FILES), [String(64 << 20), "50000 100000", "50"]);
  assertEquals(await propertiesOf(`libpod-${id}.scope`, PROPERTIES), [
    "active",
    "machine.slice",
    String(64 << 20),
    "50",
  ]);
  const exec = await podman.run(
    "--runtime",
    runtime,
    "exec",
    id,
    "sh",
    "-c",
    "cat /proc/self/cgroup; exit 5",
  );
  assertEquals([exec.code, exec.stdout.startsWith("0::/")], [5, true]);
  await podman.ok("--runtime", runtime, "pause", id);
  assertEquals(readText(`${directory}/cgroup.events`).includes("frozen 1"), true);
  await podman.ok("--runtime", runtime, "unpause", id);
  const figures = await podman.ok("stats", "--no-stream", "--format", "{{.MemUsage}} {{.PIDs}}", id);
  assertEquals(figures.split(" / ")[1], "67.11MB 2");
  await podman.ok("--runtime", runtime, "stop", "-t", "60", id);
  assertEquals(await podman.ok("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", id), "3 exited");
  await untilGone(id, directory);
  await podman.ok("rm", id);
}

const missing = podmanMissing() ?? lacksSystemd() ?? lacksCgroupV2();
testClient("podman with systemd", missing, () => Podman.start("systemd"), async (podman, t) => {
  for (const runtime of RUNTIMES) {
    await t.step(`a life: limits, exec, pause, stats, stop, rm [${runtime}]`, () => life(podman, runtime));
  }
});
