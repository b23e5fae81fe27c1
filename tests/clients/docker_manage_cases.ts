/** Limits, and docker's commands on running containers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readText, until } from "../lib/process.ts";
import { type Case, type Docker, type RuntimeName, RUNTIMES } from "./docker.ts";

/** Cases by name; see docker_test.ts. */
export const MANAGE_CASES: Record<string, Case> = {
  "limits: -m, --cpus, --pids-limit and others stand in the cgroup's files": limits,

  "limits: --memory kills, and inspect says so": async (docker) => {
    // containerd's shim begins to watch for this after the runtime's `start`, so the process waits for
    // docker's.
    const dir = `${docker.daemons.dir}/oom`;
    Deno.mkdirSync(dir);
    const script =
      "until [ -e /go/$HOSTNAME ]; do sleep .02; done; exec dd if=/dev/zero of=/dev/null bs=32M count=1";
    for (const runtime of RUNTIMES) {
      const flags = ["-m", "8m", "-v", `${dir}:/go`, "--hostname", runtime];
      const id = await docker.detached(runtime, ...flags, "box", "sh", "-c", script);
      Deno.writeTextFileSync(`${dir}/${runtime}`, "");
      assertEquals(await docker.ok("wait", id), "137", runtime);
      assertEquals((await docker.inspect(id)).State.OOMKilled, true, runtime);
      await docker.ok("rm", id);
    }
  },

  "kill: signals, and the exit status that they leave": async (docker) => {
    for (const runtime of RUNTIMES) {
      const script = "trap 'echo got; exit 5' USR1; echo ready; while :; do sleep .02; done";
      const id = await docker.detached(runtime, "box", "sh", "-c", script);
      await until("ready", async () => (await docker.ok("logs", id)) === "ready");
      await docker.ok("kill", "-s", "USR1", id);
      assertEquals(await docker.ok("wait", id), "5", runtime);
      assertEquals(await docker.ok("logs", id), "ready\ngot", runtime);

      const other = await docker.detached(runtime, "box", "sleep", "60");
      await docker.ok("kill", other);
      assertEquals(await docker.ok("wait", other), "137", runtime);
      assertEquals((await docker.run("kill", other)).code, 1, runtime);
      await docker.ok("rm", id, other);
    }
  },

  "stop: TERM first, KILL after the time": async (docker) => {
    for (const runtime of RUNTIMES) {
      const script = "trap 'exit 0' TERM; echo ready; while :; do sleep .02; done";
      const polite = await docker.detached(runtime, "box", "sh", "-c", script);
      await until("ready", async () => (await docker.ok("logs", polite)) === "ready");
      await docker.ok("stop", polite);
      const deaf = await docker.detached(runtime, "box", "sleep", "60");
      await docker.ok("stop", "-t", "1", deaf);
      const end = (id: string) => docker.ok("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", id);
      assertEquals([await end(polite), await end(deaf)], ["0 exited", "137 exited"], runtime);
      await docker.ok("rm", polite, deaf);
    }
  },

  "top, ps, inspect, logs, restart, rm -f": async (docker) => {
    const seen: unknown[] = [];
    for (const runtime of RUNTIMES) seen.push(await manage(docker, runtime));
    assertEquals(seen[0], seen[1]);
  },

  "create and start apart, and attach": async (docker) => {
    for (const runtime of RUNTIMES) {
      const id = await docker.ok("create", "--runtime", runtime, "box", "sh", "-c", "echo started; exit 6");
      const { code, stdout } = await docker.run("start", "-a", id);
      assertEquals([code, stdout], [6, "started\n"], runtime);
      await docker.ok("rm", id);
    }
  },

  "a restart policy starts it again": async (docker) => {
    for (const runtime of RUNTIMES) {
      const id = await docker.detached(
        runtime,
        "--restart",
        "on-failure:2",
        "box",
        "sh",
        "-c",
        "echo run; exit 1",
      );
      const state = () => docker.ok("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", id);
      await until("three runs", async () => (await state()) === "2 exited", 15_000);
      assertEquals(await docker.ok("logs", id), "run\nrun\nrun", runtime);
      await docker.ok("rm", id);
    }
  },

  "twenty containers started at once": async (docker) => {
    const start = (i: number) => docker.container("tsrun", "box", "sh", "-c", `echo ${i}; exit ${i}`);
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => start(i)));
    assertEquals(results.map(({ code, stdout }) => [code, stdout]), results.map((_, i) => [i, `${i}\n`]));
  },

  "nothing is left of removed containers": async (docker) => {
    const { token, dir } = docker.daemons;
    await docker.removeAll();
    const cgroups = [...Deno.readDirSync(`/sys/fs/cgroup/pids/${token}`)].filter((entry) =>
      entry.isDirectory
    );
    assertEquals(cgroups.map((entry) => entry.name), []);
    assertEquals([...Deno.readDirSync(docker.stateDir())].map((entry) => entry.name), []);
    const mounts = readText("/proc/self/mountinfo").split("\n").filter((line) => line.includes(`${dir}/`));
    assertEquals(mounts.filter((line) => /overlay|shm/.test(line)), []);
  },
};

async function limits(docker: Docker): Promise<void> {
  const flags = [
    "-m",
    "64m",
    "--memory-reservation",
    "32m",
    "--cpus",
    ".5",
    "--pids-limit",
    "50",
    "--cpu-shares",
    "512",
  ];
  const files = [
    ["memory", "memory.limit_in_bytes", String(64 << 20)],
    ["memory", "memory.soft_limit_in_bytes", String(32 << 20)],
    ["cpu", "cpu.cfs_quota_us", "50000"],
    ["cpu", "cpu.cfs_period_us", "100000"],
    ["cpu", "cpu.shares", "512"],
    ["cpuset", "cpuset.cpus", "0"],
    ["pids", "pids.max", "50"],
  ];
  const devices: string[] = [];
  for (const runtime of RUNTIMES) {
    const id = await docker.detached(runtime, ...flags, "--cpuset-cpus", "0", "box", "sleep", "60");
    const values = files.map(([controller, file]) => docker.cgroup(id, controller, file));
    assertEquals(values, files.map((row) => row[2]), runtime);
    devices.push(docker.cgroup(id, "devices", "devices.list").split("\n").sort().join("\n"));
    await docker.ok("rm", "-f", id);
  }
  assertEquals(devices[0], devices[1], "the lists of allowed devices differ");
}

/** Goes through the commands on one running container. @returns What `inspect` says of it. */
async function manage(docker: Docker, runtime: RuntimeName): Promise<unknown> {
  const name = `managed-${runtime}`;
  const script = "echo out; echo err >&2; exec sleep 60";
  const id = await docker.detached(runtime, "--name", name, "box", "sh", "-c", script);
  await until("the logs", async () => (await docker.ok("logs", id)).includes("out"));
  assertMatch(
    await docker.ok("top", id),
    /^UID\s+PID\s+PPID[^\n]*\nroot\s+\d+\s+\d+\s[^\n]*sleep 60$/,
    runtime,
  );
  assertMatch(await docker.ok("top", id, "-o", "pid,comm"), /^PID\s+COMMAND\n\d+\s+sleep$/, runtime);
  assertMatch(await docker.ok("ps", "--format", "{{.Names}} {{.Status}}"), new RegExp(`^${name} Up`));
  const inspected = comparable(await docker.inspect(id), runtime);
  await docker.ok("restart", "-t", "0", id);
  assertEquals(await docker.ok("inspect", "-f", "{{.State.Running}}", id), "true");
  await docker.ok("rm", "-f", id);
  assertEquals((await docker.run("inspect", id)).code, 1);
  return inspected;
}

/** The fields of `docker inspect` that do not depend on the runtime's name, the time or the id. */
function comparable(value: Record<string, Record<string, unknown>>, runtime: RuntimeName): unknown {
  const { Status, Running, Paused, OOMKilled, Dead, ExitCode, Error, Pid } = value.State;
  assert(Number(Pid) > 0);
  const State = { Status, Running, Paused, OOMKilled, Dead, ExitCode, Error };
  const text = JSON.stringify({ State, Path: value.Path, HostConfig: value.HostConfig });
  return JSON.parse(text.replaceAll(`"${runtime}"`, '"RUNTIME"'));
}
