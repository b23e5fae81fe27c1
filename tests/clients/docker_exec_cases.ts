/**
 * `docker exec`: streams, statuses, the user and namespaces of the process, detached processes, many at once.
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { type Result, until } from "../lib/process.ts";
import { comparableFacts } from "./facts.ts";
import type { Case, Docker } from "./docker.ts";

const IDLE = ["box", "sleep", "120"];

/** Cases by name; see docker_interactive_test.ts. */
export const EXEC_CASES: Record<string, Case> = {
  "exec: streams, and exit statuses": async (docker) => {
    const ends = ["exit 0", "exit 3", "exit 137", "kill -9 $$", "kill $$"];
    const script = (end: string) => `echo out; echo err >&2; ${end}`;
    const [ours, theirs] = await docker.pair(
      IDLE,
      (id) => serially(ends, (end) => docker.run("exec", id, "sh", "-c", script(end))),
    );
    assertEquals(ours, theirs);
    assertEquals(ours.map((result) => result.code), [0, 3, 137, 137, 143]);
    for (const { stdout, stderr } of ours) assertEquals([stdout, stderr], ["out\n", "err\n"]);
  },

  "exec: input": async (docker) => {
    const text = "0123456789abcdef".repeat(1 << 16);
    const [ours, theirs] = await docker.pair(
      IDLE,
      (id) => docker.input(text, "exec", "-i", id, "sh", "-c", "wc -c; echo end >&2"),
    );
    assertEquals(ours, { code: 0, stdout: `${1 << 20}\n`, stderr: "end\n" });
    assertEquals(theirs, ours);
  },

  "exec: what the process sees": (docker) =>
    compareFacts(docker, [], [[], ["-u", "1000:1001", "-w", "/tmp", "-e", "A=b c"], ["-u", "user"]]),

  "exec: --privileged": async (docker) => {
    // Without all capabilities (in a container or a sandbox) runc refuses; tsrun gives those that there are.
    const id = await docker.detached("tsrun", ...IDLE);
    const own = parseFacts(await docker.ok("exec", id, ...PROBE)).status;
    const { CapEff, CapBnd } = parseFacts(await docker.ok("exec", "--privileged", id, ...PROBE)).status;
    assert(BigInt(`0x${CapEff}`) > BigInt(`0x${own.CapEff}`), CapEff);
    assertEquals(CapBnd, CapEff);
    await docker.ok("rm", "-f", id);
  },

  "exec: what the process sees in other containers": async (docker) => {
    const flags = ["--user", "1000", "--read-only", "--cap-drop", "ALL", "--cap-add", "CHOWN"];
    await compareFacts(docker, [...flags, "--group-add", "27", "--pid", "host", "--ipc", "none"], [[], [
      "-u",
      "0",
    ]]);
    const limits = ["--ulimit", "core=0", "--oom-score-adj", "500", "--network", "none"];
    await compareFacts(docker, [...limits, "--security-opt", "no-new-privileges"], [[], ["-u", "1000"]]);
  },

  "exec: limits of the container": async (docker) => {
    // Not compared: under runc 1.1.5 the soft limit of open files is one or the other, by chance.
    const id = await docker.detached("tsrun", "--ulimit", "nofile=512:1024", ...IDLE);
    assertEquals(await docker.ok("exec", id, "sh", "-c", "ulimit -Sn; ulimit -Hn"), "512\n1024");
    await docker.ok("rm", "-f", id);
  },

  "exec: in the container's namespaces and cgroups": async (docker) => {
    await docker.pair(["-m", "64m", ...IDLE], async (id) => {
      const facts = parseFacts(await docker.ok("exec", id, ...PROBE));
      const pid = await docker.ok("inspect", "-f", "{{.State.Pid}}", id);
      for (const [name, link] of Object.entries(facts.ns)) {
        assertEquals(link, Deno.readLinkSync(`/proc/${pid}/ns/${name}`), name);
      }
      assertEquals(facts.cgroup.join("\n"), Deno.readTextFileSync(`/proc/${pid}/cgroup`).trim());
      assertNotEquals(facts.ns.pid, Deno.readLinkSync("/proc/self/ns/pid"));
    });
  },

  "exec: a program that is missing, or none": async (docker) => {
    const programs = ["nonsense", "/bin/nonsense", "/etc/passwd", "/etc"];
    const [ours, theirs] = await docker.pair(
      IDLE,
      (id) => serially(programs, (program) => docker.run("exec", id, program)),
    );
    assertEquals(ours.map((result) => result.code), theirs.map((result) => result.code));
    for (const [i, result] of ours.entries()) {
      assert(result.code === 126 || result.code === 127, message(result));
      assertMatch(message(result), new RegExp(`exec failed: .*${programs[i]}`), message(theirs[i]));
    }
  },

  "exec: a directory that is missing, and a user": async (docker) => {
    const attempts = [["-w", "/not/there"], ["-u", "nobody-knows"]];
    const [ours, theirs] = await docker.pair(
      IDLE,
      (id) => serially(attempts, (flags) => docker.run("exec", ...flags, id, "pwd")),
    );
    assertEquals(ours.map((result) => result.code), theirs.map((result) => result.code), message(ours[0]));
    assertMatch(message(ours[0]), /\/not\/there/);
  },

  "exec -d: runs on, is seen by top, and ends with the container": async (docker) => {
    const [ours, theirs] = await docker.pair(IDLE, async (id) => {
      const answer = await docker.ok(
        "exec",
        "-d",
        "-e",
        "A=b",
        id,
        "sh",
        "-c",
        "echo $A >/tmp/a; exec sleep 77",
      );
      const read = () => docker.run("exec", id, "cat", "/tmp/a");
      await until("the detached process", async () => (await read()).stdout === "b\n");
      await until("its program", async () => /sleep 77$/m.test(await docker.ok("top", id)));
      const top = (await docker.ok("top", id, "-o", "pid,comm")).split("\n").slice(1);
      const pids = top.map((line) => line.trim().split(/\s+/)[0]);
      await docker.ok("kill", id);
      await until("the end of both", () => !pids.some(alive));
      return [answer, pids.length];
    });
    assertEquals(ours, ["", 2]);
    assertEquals(theirs, ours);
  },

  "exec: children that outlive it belong to the container's first process": async (docker) => {
    // The container's process is a shell that waits, so it also reaps every orphan.
    const [ours, theirs] = await docker.pair(
      ["box", "sh", "-c", "while :; do sleep .05; done"],
      async (id) => {
        const script =
          "(sleep 99 &) ; until ps -o ppid,comm,args | grep ' sleep  *[s]leep 99$'; do sleep .05; done";
        const { stdout } = await docker.run("exec", id, "sh", "-c", script);
        return stdout.trim().split(/\s+/);
      },
    );
    assertEquals(ours, ["1", "sleep", "sleep", "99"]);
    assertEquals(theirs, ours);
  },

  "exec: twelve at once": async (docker) => {
    const id = await docker.detached("tsrun", ...IDLE);
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, i) => docker.run("exec", id, "sh", "-c", `echo ${i}; exit ${i}`)),
    );
    assertEquals(results.map(({ code, stdout }) => [code, stdout]), results.map((_, i) => [i, `${i}\n`]));
    await docker.ok("rm", "-f", id);
  },

  "exec: in a container under memory and process limits": async (docker) => {
    // Under runc 1.1.5 this fails: its own first steps need more memory, and its threads more processes.
    const id = await docker.detached("tsrun", "-m", "6m", "--pids-limit", "1", ...IDLE);
    assertEquals(await docker.ok("exec", id, "echo", "fits"), "fits");
    await docker.ok("rm", "-f", id);
  },
};

/** Runs the probe by `docker exec` under both runtimes with each set of flags, and compares all facts. */
async function compareFacts(docker: Docker, container: string[], execs: string[][]): Promise<void> {
  const [ours, theirs] = await docker.pair(
    ["--hostname", "box", ...container, ...IDLE],
    (id) =>
      serially(execs, async (flags) => {
        const { code, stdout, stderr } = await docker.run("exec", ...flags, id, ...PROBE);
        assertEquals(code, 0, stderr);
        return comparableFacts(parseFacts(stdout));
      }),
  );
  for (const [i, flags] of execs.entries()) assertEquals(ours[i], theirs[i], flags.join(" "));
}

async function serially<T, R>(items: T[], use: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await use(item));
  return results;
}

/** Where the client puts the daemon's error depends on when it comes. */
function message({ stdout, stderr }: Result): string {
  return (stdout + stderr).trim();
}

function alive(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
