/**
 * dockerd changes, pauses and measures containers: `docker update`, `pause`, `unpause`, `stats`. Each case
 * does the same under Debian's runc, and compares all that can be seen.
 */
import { assert, assertEquals } from "@std/assert";
import { exists, sleep, until } from "../lib/process.ts";
import { type Case, Docker, dockerMissing, type RuntimeName, RUNTIMES } from "./docker.ts";
import { runCases, testClient } from "./client.ts";

const TICKING = ["sh", "-c", "while :; do echo .; sleep .02; done"];

/** Does the same under each runtime; what is seen must be the same. */
async function alike(look: (runtime: RuntimeName) => Promise<unknown>): Promise<void> {
  const seen: unknown[] = [];
  for (const runtime of RUNTIMES) seen.push(await look(runtime));
  assertEquals(seen[0], seen[1]);
}

/** Files that `docker update` reaches, of those that this kernel has. */
const FILES: readonly [controller: string, file: string][] = [
  ["memory", "memory.limit_in_bytes"],
  ["memory", "memory.memsw.limit_in_bytes"],
  ["memory", "memory.soft_limit_in_bytes"],
  ["cpu", "cpu.shares"],
  ["cpu", "cpu.cfs_quota_us"],
  ["cpu", "cpu.cfs_period_us"],
  ["cpuset", "cpuset.cpus"],
  ["pids", "pids.max"],
  ["blkio", "blkio.bfq.weight"],
];

function settings(docker: Docker, id: string): Record<string, string> {
  const there = FILES.filter(([controller, file]) =>
    exists(`/sys/fs/cgroup/${controller}/${docker.daemons.token}/${id}/${file}`)
  );
  return Object.fromEntries(there.map(([controller, file]) => [file, docker.cgroup(id, controller, file)]));
}

/** Options of successive `docker update`s of one container. */
const UPDATES: readonly string[][] = [
  ["--memory", "64m", "--memory-swap", "128m"],
  ["--memory", "256m", "--memory-swap", "512m", "--memory-reservation", "32m"],
  ["--cpus", "0.5"],
  ["--cpu-shares", "300", "--cpuset-cpus", "0"],
  ["--pids-limit", "33"],
  ["--pids-limit", "-1"],
  ["--blkio-weight", "400"],
];

const CASES: Record<string, Case> = {
  "update: limits of a running container, step by step": (docker) =>
    alike(async (runtime) => {
      const id = await docker.detached(runtime, "-m", "32m", "box", "sleep", "600");
      const steps = [settings(docker, id)];
      for (const options of UPDATES) {
        await docker.ok("update", ...options, id);
        steps.push(settings(docker, id));
      }
      assert(steps[1]["memory.limit_in_bytes"] !== steps[2]["memory.limit_in_bytes"]);
      await docker.ok("rm", "-f", id);
      return steps;
    }),

  "update: limits hold after a restart": (docker) =>
    alike(async (runtime) => {
      const id = await docker.detached(runtime, "-m", "32m", "box", "sleep", "600");
      await docker.ok("update", "--memory", "64m", "--memory-swap", "64m", "--pids-limit", "20", id);
      await docker.ok("restart", "-t", "0", id);
      const { ["memory.limit_in_bytes"]: memory, ["pids.max"]: pids } = settings(docker, id);
      await docker.ok("rm", "-f", id);
      return [memory, pids];
    }),

  "update: one that is refused changes nothing": (docker) =>
    alike(async (runtime) => {
      const id = await docker.detached(runtime, "box", "sleep", "600");
      const before = settings(docker, id);
      const { code } = await docker.run("update", "--cpu-shares", "200", "--cpuset-cpus", "4711", id);
      assertEquals(settings(docker, id), before, runtime);
      await docker.ok("rm", "-f", id);
      return code;
    }),

  "pause and unpause": (docker) =>
    alike(async (runtime) => {
      const id = await docker.detached(runtime, "box", ...TICKING);
      const lines = async () => (await docker.ok("logs", id)).length;
      const status = () => docker.ok("inspect", "-f", "{{.State.Status}} {{.State.Paused}}", id);
      await docker.ok("pause", id);
      const paused = await status();
      // The daemons, which are not paused, may have something to write still.
      let before = await lines();
      await until("the end of its output", async () => before === (before = await lines()));
      await sleep(200);
      assertEquals(await lines(), before, runtime);
      const again = (await docker.run("pause", id)).code;
      await docker.ok("unpause", id);
      await until("life", async () => (await lines()) > before);
      const result = [paused, again, await status(), (await docker.run("unpause", id)).code];
      await docker.ok("rm", "-f", id);
      return result;
    }),

  "a paused container is killed, stopped and removed": (docker) =>
    alike(async (runtime) => {
      const codes: number[] = [];
      for (const end of [["kill"], ["stop", "-t", "0"], ["rm", "-f"]]) {
        const id = await docker.detached(runtime, "box", "sleep", "600");
        await docker.ok("pause", id);
        codes.push((await docker.run(...end, id)).code);
        await docker.run("rm", "-f", id);
      }
      return codes;
    }),

  "stats: limits and figures": (docker) =>
    alike(async (runtime) => {
      const id = await docker.detached(
        runtime,
        "-m",
        "64m",
        "box",
        "sh",
        "-c",
        "sleep 600 & sleep 601; true",
      );
      const format = "{{json .}}";
      const stats = () => docker.ok("stats", "--no-stream", "--format", format, id).then(JSON.parse);
      const { PIDs, MemUsage } = await until("figures", async () => {
        const figures = await stats();
        return figures.PIDs === "3" ? figures : undefined;
      }, 20_000);
      await docker.ok("update", "--memory", "128m", "--memory-swap", "128m", id);
      const later = (await stats()).MemUsage;
      await docker.ok("rm", "-f", id);
      const limit = (usage: string) => usage.split(" / ")[1];
      assert(!MemUsage.startsWith("0B"), MemUsage);
      return [PIDs, limit(MemUsage), limit(later)];
    }),
};

testClient(
  "docker resources",
  dockerMissing(),
  () => Docker.start(),
  (docker, t) => runCases(t, docker, CASES),
);
