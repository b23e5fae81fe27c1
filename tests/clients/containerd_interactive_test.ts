/**
 * Terminals, and processes added to running containers, by containerd's own client: `ctr run -t`, `ctr tasks
 * exec`, `kill`, `ps`, `pause`. Each case does the same with Debian's runc.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { readText, sleep, until } from "../lib/process.ts";
import { skip } from "../lib/skip.ts";
import {
  type Case,
  type Containerd,
  containerdMissing,
  runCases,
  type RuntimeName,
  RUNTIMES,
} from "./containerd.ts";
import { DESCRIBE, described, LISTENER, speak, talk } from "./dialogue.ts";
import { comparableFacts } from "./facts.ts";

const CASES: Record<string, Case> = {
  "run -t: prompt, size, resize, Ctrl-C, exit status": async (c) => {
    await each((runtime) => c.terminal(run(c, runtime, "sh"), talk));
  },

  "run -t: what the terminal is, signals": async (c) => {
    const [ours, theirs] = await each(async (runtime) => {
      await c.terminal(run(c, runtime, "sh", "-c", LISTENER), speak);
      return await c.terminal(run(c, runtime, "sh", "-c", DESCRIBE), described);
    });
    assertEquals(ours, theirs);
  },

  "tasks exec: streams, statuses, directory": (c) =>
    compare(c, async (id) => {
      const results = [];
      for (const end of ["exit 0", "exit 3", "kill -9 $$"]) {
        results.push(await exec(c, id, [], "sh", "-c", `echo out; echo err >&2; ${end}`));
      }
      assertEquals(results.map(({ code }) => code), [0, 3, 137]);
      assertEquals([results[0].stdout, results[0].stderr], ["out\n", "err\n"]);
      results.push(
        await exec(c, id, ["--cwd", "/tmp", "--user", "1000:1001"], "sh", "-c", "pwd; id -u; id -g"),
      );
      assertEquals(results[3].stdout, "/tmp\n1000\n1001\n");
      return results.map(({ stdout, stderr }) => [stdout, stderr]);
    }),

  "tasks exec: facts": (c) =>
    compare(c, async (id) => {
      const { code, stdout, stderr } = await exec(c, id, [], ...PROBE);
      assertEquals(code, 0, stderr);
      return comparableFacts({ ...parseFacts(stdout), hostname: "", env: [] });
    }),

  "tasks exec: what does not start": (c) =>
    compare(c, async (id) => {
      const codes = [];
      for (const program of ["nonsense", "/bin/nonsense", "/etc", "/etc/passwd"]) {
        const { code, stderr } = await exec(c, id, [], program);
        assertMatch(stderr, new RegExp(`exec failed: .*${program}`));
        codes.push(code);
      }
      return codes;
    }),

  "tasks exec -t: prompt, size, resize, Ctrl-C, exit status": (c) =>
    compare(c, (id) => c.terminal(["tasks", "exec", "-t", "--exec-id", "one", id, "sh"], talk)),

  "tasks exec -t: what the terminal is": (c) =>
    compare(c, (id) => {
      const flags = ["-t", "--exec-id", "one", "--user", "1000"];
      return c.terminal(["tasks", "exec", ...flags, id, "sh", "-c", DESCRIBE], described);
    }),

  "tasks exec --detach, ps, kill of one process and of all": (c) => compare(c, (id) => manage(c, id)),

  "tasks pause, resume": (c) =>
    compare(c, async (id) => {
      const counter = "i=0; while :; do echo $((i=i+1)) >/tmp/i; sleep .02; done";
      await c.ok("tasks", "exec", "--detach", "--exec-id", "counter", id, "sh", "-c", counter);
      const pid = /^(\d+)/m.exec(await c.ok("tasks", "ps", id))?.[1];
      const count = () => readText(`/proc/${pid}/root/tmp/i`);
      await until("the counter", () => Number(count()) > 2);
      await c.ok("tasks", "pause", id);
      assertEquals(await c.status(id), "PAUSED");
      const before = count();
      await sleep(100);
      assertEquals(count(), before);
      await c.ok("tasks", "resume", id);
      assertEquals(await c.status(id), "RUNNING");
      await until("the counter to go on", () => count() !== before);
    }),
};

let execs = 0;

/** Arguments of `ctr run --rm -t`. */
function run(c: Containerd, runtime: RuntimeName, ...command: string[]): string[] {
  return c.runArguments(runtime, c.id(runtime), ["--rm", "-t"], command);
}

/** `ctr tasks exec`. */
function exec(c: Containerd, id: string, flags: string[], ...command: string[]) {
  const dir = `${c.daemons.dir}/fifo`;
  return c.ctr("tasks", "exec", "--exec-id", `e${++execs}`, "--fifo-dir", dir, ...flags, id, ...command);
}

/** Runs `use` under both runtimes at the same time. */
async function each<T>(use: (runtime: RuntimeName) => Promise<T>): Promise<T[]> {
  const results = await Promise.allSettled(RUNTIMES.map(use));
  return results.map((result, i) => {
    if (result.status === "fulfilled") return result.value;
    throw new Error(`under ${RUNTIMES[i]}: ${result.reason.message}`, { cause: result.reason });
  });
}

/** Runs `use` with a container under each runtime; what it returns must be the same. */
async function compare(c: Containerd, use: (id: string) => Promise<unknown>): Promise<void> {
  const [ours, theirs] = await each(async (runtime) => {
    const id = await c.detached(runtime, [], "sleep", "120");
    try {
      return await use(id);
    } finally {
      await c.remove(id);
    }
  });
  assertEquals(ours, theirs);
}

/** Starts a second process, finds it, ends it, and then all of them. */
async function manage(c: Containerd, id: string): Promise<unknown> {
  await c.ok("tasks", "exec", "--detach", "--exec-id", "second", id, "sleep", "61");
  const pids = async () =>
    (await c.ok("tasks", "ps", id)).split("\n").slice(1).map((line) => line.split(/\s+/)[0]);
  // Sorted by pid. The order says nothing of the time of start: pids begin again at the lowest one.
  const commands = async () => (await pids()).map((pid) => readText(`/proc/${pid}/cmdline`)).sort();
  // runc's exec comes back before its process is the program.
  await until("both programs", async () => (await commands()).join() === "sleep\x00120\0,sleep\x0061\0");
  await c.ok("tasks", "kill", "-s", "KILL", "--exec-id", "second", id);
  await until("its end", async () => (await pids()).length === 1);
  assertEquals(await c.status(id), "RUNNING");
  await c.ok("tasks", "exec", "--detach", "--exec-id", "third", id, "sleep", "62");
  const all = await pids();
  await c.ok("tasks", "kill", "-s", "KILL", "--all", id);
  await until("the end of all", () => all.every((pid) => !/^sleep/.test(readText(`/proc/${pid}/cmdline`))));
  await until("the task to stop", async () => (await c.status(id)) === "STOPPED");
  return all.length;
}

const missing = containerdMissing();
if (missing) skip("containerd interactive", missing);
else Deno.test("containerd interactive", (t) => runCases(t, CASES));
