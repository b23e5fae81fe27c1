/**
 * containerd's own client pauses, resumes and measures tasks: `ctr task pause`, `resume`, `metrics`. Each
 * case does the same under Debian's runc, and compares all that can be seen. The shim reads the figures from
 * the cgroup itself; the runtime decides where the cgroup is, which processes are in it, and its limits.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readText, sleep, until } from "../lib/process.ts";
import { lacksCgroupV1, skip } from "../lib/skip.ts";
import {
  type Case,
  type Containerd,
  containerdMissing,
  runCases,
  type RuntimeName,
  RUNTIMES,
} from "./containerd.ts";

/** Does the same under each runtime; what is seen must be the same. */
async function alike(look: (runtime: RuntimeName) => Promise<unknown>): Promise<void> {
  const seen: unknown[] = [];
  for (const runtime of RUNTIMES) seen.push(await look(runtime));
  assertEquals(seen[0], seen[1]);
}

/** A container that writes a line to /v/ticks every 20 ms. */
function ticking(c: Containerd, runtime: RuntimeName, dir: string): Promise<string> {
  Deno.mkdirSync(dir);
  const mount = ["--mount", `type=bind,src=${dir},dst=/v,options=rbind:rw`];
  return c.detached(runtime, mount, "sh", "-c", "while :; do echo . >>/v/ticks; sleep .02; done");
}

const CASES: Record<string, Case> = {
  "pause and resume": (c) =>
    alike(async (runtime) => {
      const dir = `${c.daemons.dir}/ticks-${runtime}`;
      const id = await ticking(c, runtime, dir);
      const ticks = () => readText(`${dir}/ticks`).length;
      await until("life", () => ticks() > 0);
      await c.ok("task", "pause", id);
      const paused = await c.status(id);
      const before = ticks();
      await sleep(200);
      assertEquals(ticks(), before, runtime);
      await c.ok("task", "resume", id);
      await until("life again", () => ticks() > before);
      const resumed = await c.status(id);
      await c.remove(id);
      return [paused, resumed];
    }),

  "a paused task: nothing is executed in it, and it can be killed": (c) =>
    alike(async (runtime) => {
      const id = await c.detached(runtime, [], "sleep", "60");
      await c.ok("task", "pause", id);
      const exec = await c.ctr("task", "exec", "--exec-id", "one", "--fifo-dir", c.daemons.dir, id, "true");
      assert(exec.code !== 0, runtime);
      await c.ok("task", "kill", "-s", "KILL", id);
      await until("the end", async () => (await c.status(id)) === "STOPPED");
      await c.ctr("task", "rm", id); // exits with the task's status, 137
      await c.ok("container", "rm", id);
    }),

  "metrics: what is in the cgroup, and its limits": (c) =>
    alike(async (runtime) => {
      const limits = ["--memory-limit", String(64 << 20), "--cpu-quota", "50000", "--cpu-period", "100000"];
      const id = await c.detached(runtime, limits, "sh", "-c", "sleep 60 & sleep 61; true");
      const { memory, pids, cpu } = await until("three processes", async () => {
        const metrics = JSON.parse(await c.ok("task", "metrics", "--format", "json", id));
        return metrics.pids.current === 3 ? metrics : undefined;
      });
      assert(memory.usage.usage > 0 && memory.usage.usage < 64 << 20, runtime);
      assert(cpu.usage.total > 0, runtime);
      const table = await c.ok("task", "metrics", id);
      assertMatch(table, new RegExp(`^ID\\s+TIMESTAMP\\s*\\n${id}\\s`));
      await c.remove(id);
      return [
        memory.usage.limit,
        pids,
        table.replace(/\d+/g, "N").replace(/\s+/g, " ").replaceAll(runtime, ""),
      ];
    }),

  "metrics: the cgroup of a task that has ended is there until the task is removed": (c) =>
    alike(async (runtime) => {
      const id = await c.detached(runtime, [], "true");
      await until("the end", async () => (await c.status(id)) === "STOPPED");
      const { pids, memory } = JSON.parse(await c.ok("task", "metrics", "--format", "json", id));
      await c.ok("task", "rm", id);
      assert((await c.ctr("task", "metrics", id)).code !== 0, runtime);
      await c.ok("container", "rm", id);
      return [pids, memory.usage.limit];
    }),
};

const missing = containerdMissing() ?? lacksCgroupV1();
if (missing) skip("containerd: pause, resume, metrics", missing);
else Deno.test("containerd: pause, resume, metrics", (t) => runCases(t, CASES));
