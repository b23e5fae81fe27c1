/**
 * containerd's own client starts containers with tsrun (`ctr run --runc-binary`). Each case runs the same
 * command with Debian's runc, and compares all that can be seen.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { exists, readText, until } from "../lib/process.ts";
import { skip } from "../lib/skip.ts";
import { type Case, containerdMissing, runCases, RUNTIMES } from "./containerd.ts";
import { comparableFacts } from "./facts.ts";

const CASES: Record<string, Case> = {
  "run: hello, and exit statuses": async (c) => {
    for (const code of [0, 3, 137]) {
      const result = await c.both([], "sh", "-c", `echo hello; exit ${code}`);
      assertEquals([result.code, result.stdout], [code, "hello\n"]);
    }
  },

  "run: a missing program": async (c) => {
    const result = await c.both([], "nonsense");
    assertEquals(result.code, 1);
    assertMatch(result.stderr, /exec: "nonsense": executable file not found in \$PATH/);
  },

  "run: a file that is no program": async (c) => {
    for (const runtime of RUNTIMES) {
      const result = await c.run(runtime, [], "/etc/passwd");
      assert(result.code !== 0, runtime);
      assertMatch(result.stderr, /permission denied/, runtime);
    }
  },

  "facts: defaults, and flags": async (c) => {
    const variants = [
      [],
      ["--cwd", "/tmp", "--env", "A=b c", "--no-pivot", "--allow-new-privs"],
      ["--read-only", "--cap-drop", "CAP_NET_RAW", "--cap-add", "CAP_SYS_TIME"],
      ["--net-host", "--seccomp"],
    ];
    for (const flags of variants) {
      const facts = [];
      for (const runtime of RUNTIMES) {
        const { code, stdout, stderr } = await c.run(runtime, flags, ...PROBE);
        assertEquals(code, 0, `${runtime}: ${stderr}`);
        facts.push({ ...parseFacts(stdout), hostname: "", env: [] });
      }
      assertEquals(comparableFacts(facts[0]), comparableFacts(facts[1]), flags.join(" "));
    }
  },

  "mounts: --mount, read-only and not": async (c) => {
    const dir = `${c.daemons.dir}/volume`;
    Deno.mkdirSync(dir);
    Deno.writeTextFileSync(`${dir}/file`, "of the host\n");
    const mount = (options: string) => ["--mount", `type=bind,src=${dir},dst=/v,options=${options}`];
    const script = "cat /v/file; touch /v/new 2>&1";
    assertEquals(
      (await c.both(mount("rbind:ro"), "sh", "-c", script)).stdout,
      "of the host\ntouch: /v/new: Read-only file system\n",
    );
    assert(!exists(`${dir}/new`));
    assertEquals((await c.both(mount("rbind:rw"), "sh", "-c", script)).stdout, "of the host\n");
    assert(exists(`${dir}/new`));
  },

  "limits: in the cgroup's files": async (c) => {
    for (const runtime of RUNTIMES) {
      const id = await c.detached(
        runtime,
        ["--memory-limit", String(64 << 20), "--cpu-quota", "50000", "--cpu-period", "100000"],
        "sleep",
        "60",
      );
      const file = (controller: string, name: string) =>
        readText(`/sys/fs/cgroup/${controller}/${c.daemons.token}/${id}/${name}`).trim();
      assertEquals([file("memory", "memory.limit_in_bytes"), file("cpu", "cpu.cfs_quota_us")], [
        String(64 << 20),
        "50000",
      ], runtime);
      await c.remove(id);
    }
  },

  "namespaces: another container's network by path": async (c) => {
    for (const runtime of RUNTIMES) {
      const id = await c.detached(runtime, [], "sleep", "60");
      const pid = /^\S+\s+(\d+)/m.exec(
        (await c.ok("task", "ls")).split("\n").find((line) => line.startsWith(`${id} `)) ?? "",
      )?.[1];
      const facts = parseFacts(
        (await c.run(runtime, ["--with-ns", `network:/proc/${pid}/ns/net`], ...PROBE)).stdout,
      );
      assertEquals(facts.ns.net, Deno.readLinkSync(`/proc/${pid}/ns/net`), runtime);
      await c.remove(id);
    }
  },

  "tasks: list, ps, metrics, kill": async (c) => {
    for (const runtime of RUNTIMES) {
      const id = await c.detached(runtime, [], "sh", "-c", "trap 'exit 5' TERM; while :; do sleep .05; done");
      assertEquals(await c.status(id), "RUNNING", runtime);
      assertMatch(await c.ok("task", "ps", id), /^PID\s+INFO\n\d+/, runtime);
      assertMatch(await c.ok("task", "metrics", id), /pids\.current|memory\.usage/, runtime);
      await c.ok("task", "kill", "-s", "KILL", id);
      await until("the task to stop", async () => (await c.status(id)) === "STOPPED");
      await c.ok("task", "rm", id).catch(() => {}); // exits with the task's status, 137
      await c.ok("container", "rm", id);
    }
  },

  "ten at once": async (c) => {
    const runs = Array.from({ length: 10 }, (_, i) => c.run("tsrun", [], "sh", "-c", `echo ${i}; exit ${i}`));
    assertEquals(
      (await Promise.all(runs)).map(({ code, stdout }) => [code, stdout]),
      runs.map((_, i) => [i, `${i}\n`]),
    );
  },

  "nothing is left of removed containers": async (c) => {
    const { token } = c.daemons;
    assertEquals(await c.ok("container", "ls", "-q"), "");
    const path = `/sys/fs/cgroup/pids/${token}`;
    const left = exists(path) ? [...Deno.readDirSync(path)].filter((entry) => entry.isDirectory) : [];
    assertEquals(left.map((entry) => entry.name), []);
    assertEquals([...Deno.readDirSync(c.stateDir)].map((entry) => entry.name), []);
  },
};

const missing = containerdMissing();
if (missing) skip("containerd", missing);
else Deno.test("containerd", (t) => runCases(t, CASES));
