/**
 * Terminals under docker: `run -it`, `exec -it`, `attach`, and what else people do with a running container.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { findProcesses } from "../lib/leaks.ts";
import type { Terminal } from "../lib/pty.ts";
import { readText, until } from "../lib/process.ts";
import { DESCRIBE, described, LISTENER, PROMPT, SIZE, speak, talk } from "./dialogue.ts";
import { type Case, type Docker, NO_FORWARDING, type RuntimeName, RUNTIMES } from "./docker.ts";

/** Cases by name; see docker_interactive_test.ts. */
export const TERMINAL_CASES: Record<string, Case> = {
  "run -it: prompt, size, resize, Ctrl-C, exit status": (docker) =>
    inTerminals(docker, (runtime) => ["run", "--rm", "-it", "--runtime", runtime, "box", "sh"], talk),

  "exec -it: prompt, size, resize, Ctrl-C, exit status": async (docker) => {
    await docker.pair(["box", "sleep", "120"], (id) => inTerminal(docker, ["exec", "-it", id, "sh"], talk));
  },

  "run -it: what the terminal is": async (docker) => {
    const seen = await inTerminals(
      docker,
      (runtime) => run(runtime, ["-it"], "sh", "-c", DESCRIBE),
      described,
    );
    assertEquals(seen[0], seen[1]);
    assertMatch(seen[0].replace(NO_FORWARDING, ""), /^xterm\n\/dev\/pts\/0\n/);
  },

  "exec -it: what the terminal is, for users too": async (docker) => {
    for (const flags of [[], ["-u", "1000"]]) {
      const [ours, theirs] = await docker.pair(
        ["box", "sleep", "120"],
        (id) => inTerminal(docker, ["exec", "-it", ...flags, id, "sh", "-c", DESCRIBE], described),
      );
      assertEquals(ours, theirs, flags.join(" "));
    }
  },

  "run -it: signals and changes of size reach the first process": (docker) =>
    inTerminals(docker, (runtime) => run(runtime, ["-it"], "sh", "-c", LISTENER), speak),

  "run -it: job control": (docker) =>
    inTerminals(docker, (runtime) => run(runtime, ["-it"], "sh"), async (terminal) => {
      await terminal.expect(PROMPT);
      await terminal.type("head -n 1\r");
      await terminal.expect(/head -n 1\r\n/);
      await until("the stop", async () => {
        await terminal.type("\x1a"); // Ctrl-Z, until the shell has started the program
        return /Stopped/.test(terminal.output);
      });
      await terminal.line("jobs", /Stopped\)? +head -n 1/);
      await terminal.line("fg", /fg\r\nhead -n 1\r\n/);
      await terminal.line("a line", /a line\r\na line\r\n/);
      await terminal.line("exit 9", /exit 9\r\n/);
      assertEquals(await terminal.wait(), 9);
    }),

  "run -t: without input, and much output": async (docker) => {
    const { stdout } = await docker.both("-t", "box", "sh", "-c", "tty; seq 60000");
    const lines = stdout.split("\r\n");
    assertEquals([lines[0], lines.length, lines[1], lines[60000]], ["/dev/pts/0", 60002, "1", "60000"]);
  },

  "run -it: detached by Ctrl-P Ctrl-Q, attached again": (docker) =>
    inTerminals(
      docker,
      (runtime) => ["run", "-it", "--name", `away-${runtime}`, ...run(runtime, [], "sh").slice(2)],
      goAndComeBack,
    ),

  "attach: output, signals and exit status of a container without a terminal": async (docker) => {
    const script = "trap 'echo caught; exit 5' INT; echo ready; while :; do echo more; sleep .05; done";
    await docker.pair(
      ["box", "sh", "-c", script],
      (id) =>
        inTerminal(docker, ["attach", id], async (terminal) => {
          await terminal.expect(/more\r\n/);
          await terminal.type("\x03");
          await terminal.expect(/caught/);
          assertEquals(await terminal.wait(), 5);
        }),
    );
  },

  "attach: input": async (docker) => {
    await docker.pair(
      ["-i", "box", "sh", "-c", "read a; echo got $a; sleep .3; exit 4"],
      (id) =>
        inTerminal(docker, ["attach", id], async (terminal) => {
          await terminal.line("a line", /got a line\r\n/);
          assertEquals(await terminal.wait(), 4);
        }),
    );
  },

  "logs -f: follows to the end": async (docker) => {
    const script = "for i in 1 2 3; do echo out $i; sleep .2; echo err $i >&2; done; exit 3";
    const [ours, theirs] = await docker.pair(
      ["box", "sh", "-c", script],
      (id) => docker.run("logs", "-f", id),
    );
    const lines = (word: string) => [1, 2, 3].map((i) => `${word} ${i}\n`).join("");
    assertEquals(ours, { code: 0, stdout: lines("out"), stderr: lines("err") });
    assertEquals(theirs, ours);
  },

  "cp: into and out of a running container": async (docker) => {
    const file = `${docker.daemons.dir}/to-copy`;
    Deno.writeTextFileSync(file, "copied\n");
    await docker.pair(["--tmpfs", "/t", "-v", "/made", "box", "sleep", "120"], async (id, runtime) => {
      await docker.ok("cp", file, `${id}:/made/in`);
      assertEquals(await docker.ok("exec", id, "cat", "/made/in"), "copied");
      await docker.ok("exec", id, "sh", "-c", "echo from inside >/home/out");
      await docker.ok("cp", `${id}:/home/out`, `${file}-${runtime}`);
      assertEquals(readText(`${file}-${runtime}`), "from inside\n");
    });
  },

  "restart and stop with sessions in it": async (docker) => {
    const script = "trap 'exit 0' TERM; echo ready; while :; do sleep .05; done";
    await docker.pair(["box", "sh", "-c", script], (id) => session(docker, id));
  },

  "nothing is left of all these sessions": async (docker) => {
    await docker.removeAll();
    const daemons = Object.values(docker.daemons.pids());
    const left = () => findProcesses(docker.daemons.token).filter((pid) => !daemons.includes(pid));
    await until("the end of all shims and sessions", () => left().length === 0);
  },
};

/** `docker run --rm` arguments. */
function run(runtime: RuntimeName, flags: string[], ...command: string[]): string[] {
  return ["run", "--rm", "--runtime", runtime, ...flags, "box", ...command];
}

/** Runs `use` with the docker client on a terminal. */
async function inTerminal<T>(docker: Docker, args: string[], use: (t: Terminal) => Promise<T>): Promise<T> {
  const terminal = docker.terminal(args, SIZE);
  const modes = terminal.modes();
  try {
    const result = await use(terminal);
    assertEquals(terminal.modes(), modes, "the client's terminal is as it was");
    return result;
  } finally {
    await terminal.close();
  }
}

/** Runs `use` on a terminal under each runtime, at the same time. */
async function inTerminals<T>(
  docker: Docker,
  args: (runtime: RuntimeName) => string[],
  use: (terminal: Terminal, docker: Docker, runtime: RuntimeName) => Promise<T>,
): Promise<T[]> {
  const results = await Promise.allSettled(
    RUNTIMES.map((runtime) => inTerminal(docker, args(runtime), (t) => use(t, docker, runtime))),
  );
  return results.map((result, i) => {
    if (result.status === "fulfilled") return result.value;
    throw new Error(`under ${RUNTIMES[i]}: ${result.reason.message}`, { cause: result.reason });
  });
}

/** Leaves a session, finds it in the background, comes back, and ends it. */
async function goAndComeBack(terminal: Terminal, docker: Docker, runtime: RuntimeName): Promise<void> {
  await terminal.expect(PROMPT);
  await terminal.line("mark=he''re; echo $mark", /here\r\n/);
  await terminal.type("\x10\x11");
  assertEquals(await terminal.wait(), 0);
  const name = `away-${runtime}`;
  assertEquals(await docker.ok("inspect", "-f", "{{.State.Running}}", name), "true");
  await inTerminal(docker, ["attach", name], async (again) => {
    await again.line("echo still $mark", /still here\r\n/);
    await again.type("exit 6\r");
    assertEquals(await again.wait(), 6);
  });
}

/** Restarts and stops a container while a shell is open in it. */
async function session(docker: Docker, id: string): Promise<void> {
  const ends: number[] = [];
  for (const command of ["restart", "stop"]) {
    const terminal = docker.terminal(["exec", "-it", id, "sh"]);
    await terminal.expect(PROMPT);
    await docker.ok(command, "-t", "5", id);
    ends.push(await terminal.wait());
    await terminal.close();
  }
  assertEquals(ends, [137, 137]);
  assertEquals(await docker.ok("inspect", "-f", "{{.State.ExitCode}}", id), "0");
  assert((await docker.run("exec", id, "true")).code !== 0);
}
