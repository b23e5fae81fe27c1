/** `podman run`, `exec` and what manages containers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { findCgroups, findMounts } from "../lib/leaks.ts";
import { capabilityBits, parseFacts, PROBE } from "../lib/probe.ts";
import { exists, readText, until } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { DESCRIBE, described, LISTENER, speak, talk } from "./dialogue.ts";
import { comparableFacts } from "./facts.ts";
import { type Case, type Podman, RUNTIMES } from "./podman.ts";

const IDLE = ["box", "sleep", "120"];
const WAIT_FOR_TERM = "trap 'exit 0' TERM; echo ready; while :; do sleep .05; done";

/** Cases by name; see podman_test.ts. */
export const CASES: Record<string, Case> = {
  "run: hello, by the runtime's path": async (podman) => {
    const { code, stdout, stderr } = await podman.run(
      ...podman.runArguments(pathUnderTest(), "--rm", "box", "echo", "hello"),
    );
    assertEquals([code, stdout], [0, "hello\n"], stderr);
  },

  "run: exit statuses, and streams": async (podman) => {
    for (const end of ["exit 0", "exit 3", "exit 125", "kill -9 $$"]) {
      // The shell is not the first process, which does not get signals of its own namespace.
      const result = await podman.both("--pid", "host", "box", "sh", "-c", `echo out; echo err >&2; ${end}`);
      assertEquals([result.code, result.stdout, result.stderr], [status(end), "out\n", "err\n"], end);
    }
  },

  "run: input": async (podman) => {
    for (const runtime of RUNTIMES) {
      const { stdout } = await podman.input(
        "a line\n",
        ...podman.runArguments(runtime, "--rm", "-i", "box", "cat"),
      );
      assertEquals(stdout, "a line\n", runtime);
    }
  },

  "run: what does not start, and podman's exit statuses": async (podman) => {
    const attempts: [number, string[]][] = [
      [127, ["box", "nonsense"]],
      [127, ["box", "/bin/nonsense"]],
      [126, ["box", "/etc"]],
      [126, ["box", "/data/of-the-image"]],
      [126, ["-w", "/etc/passwd", "box", "true"]],
      [127, ["--sysctl", "net.ipv4.nonsense=1", "box", "true"]],
      [125, ["-v", "/not/there:/v", "box", "true"]],
    ];
    for (const [code, args] of attempts) {
      const { stderr, ...result } = await podman.both(...args);
      assertEquals(result.code, code, `${args.join(" ")}: ${stderr}`);
    }
  },

  "run: facts": async (podman) => {
    const variants = [
      [],
      ["--read-only", "--tmpfs", "/t:size=1m,mode=1770", "--shm-size", "1m"],
      ["--user", "1000:1001", "--group-add", "27", "-w", "/tmp", "-e", "A=b c"],
      ["--cap-drop", "ALL", "--cap-add", "NET_RAW", "--security-opt", "no-new-privileges"],
      ["--pid", "host", "--ipc", "host", "--uts", "host", "--network", "host"],
      ["--cgroupns", "private", "--security-opt", "seccomp=unconfined", "--security-opt", "unmask=ALL"],
      [
        "--ulimit",
        "nofile=512:1024",
        "--ulimit",
        "nproc=512:1024",
        "--oom-score-adj",
        "500",
        "--sysctl",
        "net.ipv4.ip_forward=1",
      ],
    ];
    for (const flags of variants) await compareFacts(podman, flags);
  },

  "run: --cap-drop ALL leaves none": async (podman) => {
    const { stdout } = await podman.both("--cap-drop", "ALL", "box", "grep", "^Cap", "/proc/self/status");
    for (const line of stdout.trim().split("\n")) assertEquals(capabilityBits(line.split(":")[1]), [], line);
  },

  "run: volumes, read-only and not, and --tmpfs": async (podman) => {
    const dir = `${podman.daemons.dir}/volume`;
    Deno.mkdirSync(dir);
    Deno.writeTextFileSync(`${dir}/file`, "of the host\n");
    const script = "cat /v/file; touch /v/new 2>&1; stat -f -c %T /t";
    const attempt = async (flags: string) =>
      (await podman.both("-v", `${dir}:/v:${flags}`, "--tmpfs", "/t", "box", "sh", "-c", script)).stdout;
    assertEquals(await attempt("ro"), "of the host\ntouch: /v/new: Read-only file system\ntmpfs\n");
    assert(!exists(`${dir}/new`));
    assertEquals(await attempt("rw"), "of the host\ntmpfs\n");
    assert(exists(`${dir}/new`));
    for (const runtime of RUNTIMES) {
      const args = podman.runArguments(
        runtime,
        "--rm",
        "-v",
        `v-${runtime}:/data`,
        "box",
        "cat",
        "/data/of-the-image",
      );
      assertEquals((await podman.run(...args)).stdout, "content\n", runtime);
    }
  },

  "run: limits stand in the cgroup's files": async (podman) => {
    const flags = ["-m", "64m", "--cpus", ".5", "--pids-limit", "50"];
    const [ours, theirs] = await podman.pair([...flags, ...IDLE], async (id) => {
      const path = await podman.ok("inspect", "-f", "{{.State.CgroupPath}}", id);
      const file = (name: string) => readText(`/sys/fs/cgroup/${name.split(".")[0]}${path}/${name}`).trim();
      return [file("memory.limit_in_bytes"), file("cpu.cfs_quota_us"), file("pids.max")];
    });
    assertEquals(ours, [String(64 << 20), "50000", "50"]);
    assertEquals(theirs, ours);
  },

  "logs, top, ps, inspect": async (podman) => {
    const script = "echo out; echo err >&2; exec sleep 77";
    const [ours, theirs] = await podman.pair(["box", "sh", "-c", script], async (id) => {
      const logs = () => podman.run("logs", id);
      await until("the logs", async () => /out/.test((await logs()).stdout));
      const { stdout, stderr } = await logs();
      assertMatch(await podman.ok("top", id), /^USER\s+PID[^\n]*\n\w+\s+1\s[^\n]*sleep 77 *$/);
      assertMatch(await podman.ok("top", id, "hpid", "comm"), /^HPID\s+COMMAND\n\d+\s+sleep *$/);
      assertMatch(
        await podman.ok("ps", "--no-trunc", "--format", "{{.ID}} {{.Status}}"),
        new RegExp(`${id} Up`),
      );
      const { State, EffectiveCaps, MountLabel } = JSON.parse(await podman.ok("inspect", id))[0];
      assert(exists(`/proc/${State.Pid}`) && exists(`/proc/${State.ConmonPid}`));
      const { Status, Running, Paused, OOMKilled, Dead, ExitCode, Error } = State;
      return {
        stdout,
        stderr,
        Status,
        Running,
        Paused,
        OOMKilled,
        Dead,
        ExitCode,
        Error,
        EffectiveCaps,
        MountLabel,
      };
    });
    assertEquals([ours.stdout, ours.stderr, ours.Status], ["out\n", "err\n", "running"]);
    assertEquals(theirs, ours);
  },

  "stop, start, restart, kill, wait, rm": async (podman) => {
    const [ours, theirs] = await podman.pair(["box", "sh", "-c", WAIT_FOR_TERM], (id) => manage(podman, id));
    assertEquals(ours, ["0 exited", "137", "137 exited", "running"]);
    assertEquals(theirs, ours);
  },

  "pause, unpause": async (podman) => {
    const script = "i=0; while :; do echo $((i=i+1)); sleep .02; done";
    await podman.pair(["box", "sh", "-c", script], async (id) => {
      const logs = async () => (await podman.run("logs", "--tail", "1", id)).stdout;
      const state = () => podman.ok("inspect", "-f", "{{.State.Status}}", id);
      await podman.ok("pause", id);
      // conmon, which is not paused, may have something to write still.
      let first = await logs();
      await until("the end of its output", async () => first === (first = await logs()));
      assertEquals([await logs(), await state()], [first, "paused"]);
      assert((await podman.run("exec", id, "true")).code !== 0);
      await podman.ok("unpause", id);
      await until("it to go on", async () => (await logs()) !== first);
      assertEquals(await state(), "running");
    });
  },

  "exec: streams, statuses, input, user, directory, environment": async (podman) => {
    const [ours, theirs] = await podman.pair(IDLE, async (id) => {
      const results = [];
      for (const end of ["exit 0", "exit 3", "kill -9 $$", "kill $$"]) {
        results.push(await podman.run("exec", id, "sh", "-c", `echo out; echo err >&2; ${end}`));
      }
      results.push(await podman.input("0123456789abcdef".repeat(1 << 15), "exec", "-i", id, "wc", "-c"));
      const flags = ["-u", "1000:1001", "-w", "/tmp", "-e", "A=b c"];
      results.push(await podman.run("exec", ...flags, id, "sh", "-c", "id -u; id -g; pwd; echo $A"));
      return results;
    });
    assertEquals(ours.map(({ code }) => code), [0, 3, 137, 143, 0, 0]);
    assertEquals(ours[0], { code: 0, stdout: "out\n", stderr: "err\n" });
    assertEquals(ours.slice(4).map(({ stdout }) => stdout), [`${1 << 19}\n`, "1000\n1001\n/tmp\nb c\n"]);
    assertEquals(theirs, ours);
  },

  "exec: facts": async (podman) => {
    const flags = ["--cap-drop", "CHOWN", "--read-only", "--hostname", "box"];
    const [ours, theirs] = await podman.pair([...flags, ...IDLE], async (id) => {
      const facts = [];
      for (const flags of [[], ["-u", "1000", "-w", "/tmp"]]) {
        const seen = parseFacts(await podman.ok("exec", ...flags, id, ...PROBE));
        facts.push(comparableFacts({ ...seen, env: seen.env.toSorted() }));
      }
      return facts;
    });
    assertEquals(ours, theirs);
  },

  "exec: what does not start": async (podman) => {
    const programs = ["nonsense", "/bin/nonsense", "/etc", "/etc/passwd"];
    const [ours, theirs] = await podman.pair(IDLE, async (id) => {
      const codes = [];
      for (const program of programs) codes.push((await podman.run("exec", id, program)).code);
      codes.push((await podman.run("exec", "-w", "/not/there", id, "true")).code);
      return codes;
    });
    assertEquals(ours.slice(0, 4), [127, 127, 126, 126]);
    assertEquals(ours, theirs);
  },

  "exec -d": async (podman) => {
    await podman.pair(IDLE, async (id) => {
      assertMatch(
        await podman.ok("exec", "-d", id, "sh", "-c", "echo b >/tmp/a; exec sleep 66"),
        /^[0-9a-f]{64}$/,
      );
      await until("the process", async () => /sleep 66 *$/m.test(await podman.ok("top", id)));
      assertEquals(await podman.ok("exec", id, "cat", "/tmp/a"), "b");
    });
  },

  "run -it, exec -it: prompt, size, resize, Ctrl-C, exit status": async (podman) => {
    const run = RUNTIMES.map((runtime) =>
      podman.terminal(podman.runArguments(runtime, "--rm", "-it", "box", "sh"), talk)
    );
    for (const result of await Promise.allSettled(run)) if (result.status === "rejected") throw result.reason;
    await podman.pair(IDLE, (id) => podman.terminal(["exec", "-it", id, "sh"], talk));
  },

  "run -it, exec -it: what the terminal is, signals": async (podman) => {
    const run = [];
    for (const runtime of RUNTIMES) {
      const arguments_ = (script: string) =>
        podman.runArguments(runtime, "--rm", "-it", "box", "sh", "-c", script);
      run.push(await podman.terminal(arguments_(DESCRIBE), described));
      await podman.terminal(arguments_(LISTENER), speak);
    }
    assertEquals(run[0], run[1]);
    const [ours, theirs] = await podman.pair(
      IDLE,
      (id) => podman.terminal(["exec", "-it", "-u", "1000", id, "sh", "-c", DESCRIBE], described),
    );
    assertEquals(ours, theirs);
  },

  "attach: to a terminal": async (podman) => {
    await podman.pair(["-it", "box", "sh"], (id) =>
      podman.terminal(["attach", id], async (terminal) => {
        await terminal.line("echo here", /here\r\n(.|\n)*here\r\n/);
        await terminal.type("exit 6\r");
        await terminal.wait();
        assertEquals(await podman.ok("wait", id), "6");
      }));
  },

  "healthcheck run: twenty checks leave nothing behind": async (podman) => {
    const args = ["--health-cmd", "true", "--health-interval", "disable", ...IDLE];
    const id = await podman.detached("tsrun", ...args);
    const pid = await podman.ok("inspect", "-f", "{{.State.ConmonPid}}", id);
    const usage = () => [
      [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
      [...Deno.readDirSync(podman.stateDir(id))].length,
      findMounts(podman.daemons.token).length,
    ];
    const before = usage();
    for (let i = 0; i < 20; i++) await podman.ok("healthcheck", "run", id);
    assertEquals(usage(), before);
    await podman.ok("rm", "-f", "-t", "0", id);
  },

  "ten at once": async (podman) => {
    const results = await Promise.all(
      Array.from(
        { length: 10 },
        (_, i) =>
          podman.run(...podman.runArguments("tsrun", "--rm", "box", "sh", "-c", `echo ${i}; exit ${i}`)),
      ),
    );
    assertEquals(results.map(({ code, stdout }) => [code, stdout]), results.map((_, i) => [i, `${i}\n`]));
  },

  "nothing is left of removed containers": async (podman) => {
    await podman.removeAll();
    assertEquals(podman.ids.map((id) => podman.stateDir(id)).filter((path) => path !== ""), []);
    const { token } = podman.daemons;
    const cgroups = findCgroups(token).filter((path) => !path.endsWith(token) && !path.endsWith("/conmon"));
    assertEquals(cgroups, []);
    assertEquals(findMounts(token).filter((target) => /merged|shm/.test(target)), []);
  },
};

function status(end: string): number {
  return end.startsWith("exit") ? Number(end.slice(5)) : 137;
}

async function compareFacts(podman: Podman, flags: string[]): Promise<void> {
  const name = flags.includes("--uts") ? [] : ["--hostname", "box"];
  const facts = await Promise.all(RUNTIMES.map(async (runtime) => {
    const args = podman.runArguments(runtime, "--rm", ...name, ...flags, "box", ...PROBE);
    const { code, stdout, stderr } = await podman.run(...args);
    assertEquals(code, 0, `${runtime}: ${stderr}`);
    const facts = parseFacts(stdout);
    return comparableFacts({ ...facts, env: facts.env.toSorted() }); // podman's order is chance
  }));
  assertEquals(facts[0], facts[1], flags.join(" "));
}

/** Goes through the commands on one running container. @returns States on the way. */
async function manage(podman: Podman, id: string): Promise<string[]> {
  const state = () => podman.ok("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", id);
  const ready = (times: number) =>
    until("ready", async () => (await podman.ok("logs", id)).split("ready").length > times);
  await ready(1);
  await podman.ok("stop", id);
  const states = [await state()];
  await podman.ok("start", id);
  await ready(2);
  await podman.ok("kill", id);
  states.push(await podman.ok("wait", id), await state());
  await podman.ok("restart", "-t", "0", id);
  states.push((await state()).split(" ")[1]);
  assertEquals((await podman.run("rm", id)).code, 2);
  await podman.ok("rm", "-f", "-t", "0", id);
  assertEquals((await podman.run("inspect", id)).code, 125);
  return states;
}
