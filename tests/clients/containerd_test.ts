/**
 * containerd's own client starts containers with tsrun (`ctr run --runc-binary`). Each case runs the same
 * command with Debian's runc, and compares whatever can be seen.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeBundle } from "../lib/bundle.ts";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { exists, host, readText, type Result, until } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { skip } from "../lib/skip.ts";
import { Daemons } from "./daemon.ts";
import { comparableFacts } from "./facts.ts";
import { writeImage } from "./image.ts";

const CTR = "/usr/bin/ctr";
const IMAGE = "example.org/box:latest";
type RuntimeName = "tsrun" | "runc";
const RUNTIMES: readonly RuntimeName[] = ["tsrun", "runc"];

/** A running containerd with one image. */
class Containerd {
  readonly daemons: Daemons = new Daemons();
  private count = 0;

  async start(): Promise<void> {
    const { daemons } = this;
    await daemons.startContainerd();
    const { rootfs } = makeBundle(daemons.dir, "image");
    await host("tar", "-C", rootfs, "-cf", `${daemons.dir}/layer.tar`, ".");
    await writeImage(`${daemons.dir}/layer.tar`, `${daemons.dir}/image.tar`, IMAGE);
    await this.ok("images", "import", `${daemons.dir}/image.tar`);
  }

  /** Runs ctr in the namespace that carries the test's name, which is also the parent of its cgroups. */
  ctr(...args: string[]): Promise<Result> {
    const { containerd, token } = this.daemons;
    return this.daemons.command([CTR, "--address", containerd, "--namespace", token, ...args]);
  }

  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ctr(...args);
    assertEquals(code, 0, `ctr ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** An id for one more container. */
  id(runtime: RuntimeName): string {
    return `${runtime}-${++this.count}`;
  }

  /** Arguments of `ctr run` for a container under a runtime; `flags` come before image and id. */
  private runArguments(runtime: RuntimeName, id: string, flags: string[], command: string[]): string[] {
    const binary = runtime === "tsrun" ? pathUnderTest() : "/usr/sbin/runc";
    return [
      "run",
      "--runc-binary",
      binary,
      "--fifo-dir",
      `${this.daemons.dir}/fifo`,
      ...flags,
      IMAGE,
      id,
      ...command,
    ];
  }

  /** `ctr run --rm`. */
  run(runtime: RuntimeName, flags: string[], ...command: string[]): Promise<Result> {
    return this.ctr(...this.runArguments(runtime, this.id(runtime), ["--rm", ...flags], command));
  }

  /** `ctr run --rm` under both runtimes: exit status and output must be the same. @returns The shared result. */
  async both(flags: string[], ...command: string[]): Promise<Result> {
    const [ours, theirs] = [
      await this.run("tsrun", flags, ...command),
      await this.run("runc", flags, ...command),
    ];
    assertEquals(
      [ours.code, ours.stdout],
      [theirs.code, theirs.stdout],
      `tsrun: ${ours.stderr}\nrunc: ${theirs.stderr}`,
    );
    return ours;
  }

  /** `ctr run --detach`. @returns The id. */
  async detached(runtime: RuntimeName, flags: string[], ...command: string[]): Promise<string> {
    const id = this.id(runtime);
    await this.ok(...this.runArguments(runtime, id, ["--detach", "--null-io", ...flags], command));
    return id;
  }

  /** Status of a task as `ctr task ls` prints it, or undefined. */
  async status(id: string): Promise<string | undefined> {
    const line = (await this.ok("task", "ls")).split("\n").find((line) => line.startsWith(`${id} `));
    return line?.trim().split(/\s+/)[2];
  }

  /** Kills, waits for, and removes a container. */
  async remove(id: string): Promise<void> {
    await this.ctr("task", "kill", "-s", "KILL", id);
    await until(`${id} to stop`, async () => (await this.status(id)) !== "RUNNING");
    await this.ok("task", "rm", id);
    await this.ok("container", "rm", id);
  }
}

const CASES: Record<string, (c: Containerd) => Promise<void>> = {
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
    const root = `/run/containerd/runc/${token}`;
    assertEquals(exists(root) ? [...Deno.readDirSync(root)].map((entry) => entry.name) : [], []);
  },
};

const missing = Deno.uid() !== 0
  ? "needs root"
  : [CTR, "/usr/bin/containerd", "/usr/sbin/runc"].filter((path) => !exists(path))
    .map((path) => `${path} is not installed`)[0];
if (missing) skip("containerd", missing);
else {
  Deno.test("containerd", async (t) => {
    const containerd = new Containerd();
    let leaks: string[] = [];
    try {
      await containerd.start();
      for (const [name, fn] of Object.entries(CASES)) await t.step(name, () => fn(containerd));
    } finally {
      leaks = await containerd.daemons.stop();
      const root = `/run/containerd/runc/${containerd.daemons.token}`;
      if (exists(root)) Deno.removeSync(root, { recursive: true });
    }
    assertEquals(leaks, []);
  });
}
