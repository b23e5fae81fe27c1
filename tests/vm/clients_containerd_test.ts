/**
 * ctr with systemd's cgroups and without, on cgroup v2: limits, metrics, pause, end. See
 * clients_docker_test.ts.
 */
import { assert, assertEquals } from "@std/assert";
import { type Containerd, containerdMissing, runCases, type RuntimeName } from "../clients/containerd.ts";
import { readText, until } from "../lib/process.ts";
import { lacksCgroupV2, lacksSystemd, skip } from "../lib/skip.ts";
import { cgroupOf, limitsOf, propertiesOf, RUNTIMES, untilGone } from "./scopes.ts";

const LIMITS = ["--memory-limit", String(64 << 20), "--cpu-quota", "50000", "--cpu-period", "100000"];

/** Process id of a task. */
async function pidOf(c: Containerd, id: string): Promise<number> {
  const line = (await c.ok("task", "ls")).split("\n").find((line) => line.startsWith(`${id} `));
  return Number(line?.split(/\s+/)[1]);
}

/**
 * One task's life.
 *
 * @param flags Where its cgroup is.
 * @returns Its process id and the directory of its cgroup.
 */
async function life(c: Containerd, runtime: RuntimeName, flags: string[]): Promise<[string, string]> {
  const id = await c.detached(runtime, [...flags, ...LIMITS], "sh", "-c", "sleep 600 & sleep 601; true");
  const pid = await pidOf(c, id), directory = cgroupOf(pid);
  assertEquals(limitsOf(pid, ["memory.max", "cpu.max"]), [String(64 << 20), "50000 100000"]);
  const { memory, pids } = await until("three processes", async () => {
    const metrics = JSON.parse(await c.ok("task", "metrics", "--format", "json", id));
    return metrics.pids.current === 3 ? metrics : undefined;
  });
  assertEquals([memory.usage_limit, pids.current], [64 << 20, 3]);
  assert(memory.usage > 0 && memory.usage <= 64 << 20, memory.usage);
  await c.ok("task", "pause", id);
  assertEquals(readText(`${directory}/cgroup.events`).includes("frozen 1"), true);
  assertEquals(await c.status(id), "PAUSED");
  await c.ok("task", "resume", id);
  assertEquals(readText(`${directory}/cgroup.events`).includes("frozen 0"), true);
  return [id, directory];
}

const cases = Object.fromEntries(RUNTIMES.flatMap((runtime) => [
  [`cgroupfs: a life [${runtime}]`, async (c: Containerd) => {
    const [id, directory] = await life(c, runtime, []);
    assertEquals(directory, `/sys/fs/cgroup/${c.daemons.token}/${id}`);
    await c.remove(id);
    await untilGone(id, directory);
  }],
  [`systemd: a life in a scope [${runtime}]`, async (c: Containerd) => {
    const { token } = c.daemons;
    const flags = ["--runc-systemd-cgroup", "--cgroup", `machine.slice:ctr:${token}-${runtime}`];
    const [id, directory] = await life(c, runtime, flags);
    const unit = `ctr-${token}-${runtime}.scope`;
    assertEquals(directory, `/sys/fs/cgroup/machine.slice/${unit}`);
    assertEquals(await propertiesOf(unit, ["ActiveState", "MemoryMax"]), ["active", String(64 << 20)]);
    await c.remove(id);
    await untilGone(`${token}-${runtime}`, directory);
  }],
]));

const missing = containerdMissing() ?? lacksSystemd() ?? lacksCgroupV2();
if (missing) skip("containerd with cgroup v2", missing);
else Deno.test("containerd with cgroup v2", (t) => runCases(t, cases));
