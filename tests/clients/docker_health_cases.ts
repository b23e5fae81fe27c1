/** Health checks: a process in the container every few moments, for months. Nothing may grow by it. */
import { assertEquals } from "@std/assert";
import { findCgroups, findMounts, findProcesses } from "../lib/leaks.ts";
import { host, readText, sleep, until } from "../lib/process.ts";
import type { Case, Docker } from "./docker.ts";

const CHECKS = 100;
/** Checks before the first measurement: caches fill, pools of threads grow. */
const WARM_UP = 10;

/**
 * How much each value of {@linkcode usage} may grow by a hundred checks, by the beginnings of their names.
 * The kernel charges memory to a cgroup in batches of 256 KB per processor. The daemons' heaps grow until
 * their collectors run, and the daemons open files of their own now and then. The figures are low enough to
 * show what every twentieth check left.
 */
const TOLERANCE: Record<string, number> = {
  "memory of the container": (256 << 10) * navigator.hardwareConcurrency,
  "resident": 12 << 20,
  "descriptors": 4,
};

/** Cases by name; see docker_interactive_test.ts. */
export const HEALTH_CASES: Record<string, Case> = {
  "health: a hundred checks leave nothing behind": (docker) => checkALot(docker),

  "health: a check that fails, and one that takes too long": async (docker) => {
    const flags = ["--health-interval", "50ms", "--health-retries", "2", "--health-timeout"];
    const checks: [string, string][] = [["5s", "echo bad; exit 1"], ["500ms", "sleep 71"]];
    for (const [timeout, check] of checks) {
      const args = [...flags, timeout, "--health-cmd", check, "box", "sleep", "120"];
      const [ours, theirs] = await docker.pair(args, async (id) => {
        const health = async () => JSON.parse(await docker.ok("inspect", "-f", "{{json .State.Health}}", id));
        await until("unhealthy", async () => (await health()).Status === "unhealthy", 20_000);
        const { ExitCode, Output } = (await health()).Log[0];
        return { ExitCode, Output };
      });
      assertEquals(ours, theirs);
    }
  },
};

/** Lets a container be checked, and compares what is used before and after, each time during one check. */
async function checkALot(docker: Docker): Promise<void> {
  const dir = `${docker.daemons.dir}/health`;
  Deno.mkdirSync(dir);
  await host("/usr/bin/mkfifo", `${dir}/fifo`);
  const check = "echo x >>/health/count; if [ -e /health/wait ]; then exec cat /health/fifo; fi";
  const flags = ["--health-interval", "5ms", "--health-timeout", "120s", "-v", `${dir}:/health`];
  const id = await docker.detached("tsrun", ...flags, "--health-cmd", check, "box", "sleep", "300");
  const count = () => readText(`${dir}/count`).length / 2;
  const after = async (checks: number) => {
    const start = count();
    await until(`${checks} checks`, () => count() >= start + checks, 60_000);
    Deno.writeTextFileSync(`${dir}/wait`, "");
    const commands = () => cgroupPids(docker, id).map((pid) => readText(`/proc/${pid}/comm`)).sort().join("");
    await until("a check that waits", () => commands() === "cat\nsleep\n", 10_000);
    const found = await leastUsage(docker, id);
    Deno.removeSync(`${dir}/wait`);
    Deno.writeTextFileSync(`${dir}/fifo`, "go on\n");
    return found;
  };
  const before = await after(WARM_UP);
  const then = await after(CHECKS);
  const growth = Object.entries(then).map(([name, value]) => [name, value - before[name]] as const);
  const limit = (name: string) =>
    Object.entries(TOLERANCE).find(([start]) => name.startsWith(start))?.[1] ?? 0;
  assertEquals(growth.filter(([name, more]) => more > limit(name)), []);
  assertEquals(await docker.ok("inspect", "-f", "{{.State.Health.Status}}", id), "healthy");
  await docker.ok("rm", "-f", id);
}

/**
 * The smallest of some samples, for each value by itself: the daemons may still be busy with the check
 * before.
 */
async function leastUsage(docker: Docker, id: string): Promise<Record<string, number>> {
  const least = usage(docker, id);
  for (let looks = 0; looks < 12; looks++) {
    await sleep(50);
    for (const [name, value] of Object.entries(usage(docker, id))) least[name] = Math.min(least[name], value);
  }
  return least;
}

/** What could grow by a check, anywhere on the machine. */
function usage(docker: Docker, id: string): Record<string, number> {
  const { dir, token } = docker.daemons;
  const daemons: Record<string, number> = { shim: shimOf(token, id), ...docker.daemons.pids() };
  const entries = Object.entries(daemons).flatMap(([name, pid]) => [
    [`descriptors of ${name}`, count(`/proc/${pid}/fd`)],
    [
      `resident bytes of ${name}`,
      Number(/^VmRSS:\s+(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1]) << 10,
    ],
  ]);
  return {
    ...Object.fromEntries(entries),
    "processes in the container": cgroupPids(docker, id).length,
    "processes of the test": findProcesses(token).length,
    "memory of the container": memory(docker, id),
    "mounts": findMounts(token).length,
    "cgroups": findCgroups(token).length,
    "files of the runtime": count(docker.stateDir(id)),
    "files of the shim": count(`${dir}/containerd-state/io.containerd.runtime.v2.task/moby/${id}`),
    "session keyrings": readText("/proc/keys").split("\n").filter((line) => line.includes(id)).length,
  };
}

function cgroupPids(docker: Docker, id: string): string[] {
  return docker.cgroup(id, "pids", "cgroup.procs").split("\n");
}

/** Bytes that the container's cgroup is charged for, kernel memory included, page cache not. */
function memory(docker: Docker, id: string): number {
  const cache = /^total_cache (\d+)$/m.exec(docker.cgroup(id, "memory", "memory.stat"))?.[1];
  return Number(docker.cgroup(id, "memory", "memory.usage_in_bytes")) - Number(cache);
}

function shimOf(token: string, id: string): number {
  const pid = findProcesses(token).find((pid) => {
    const line = readText(`/proc/${pid}/cmdline`);
    return line.includes("containerd-shim") && line.includes(id);
  });
  if (pid === undefined) throw new Error(`no shim of ${id}`);
  return pid;
}

/** Number of entries of a directory. */
function count(dir: string): number {
  return [...Deno.readDirSync(dir)].length;
}
