/** Terminals of containers: the caller's own in the foreground, and those that go to a console socket. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { local } from "../../ffi/local.ts";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { outputOf, PROMPT, shellDialogue, STTY } from "../lib/dialogue.ts";
import { readMaster } from "../lib/master.ts";
import { host, readText, until } from "../lib/process.ts";
import { Terminal, type TerminalOptions } from "../lib/pty.ts";
import { type Message, UnixListener } from "../lib/unix_listener.ts";

/** A process with a terminal that runs a script; `more` are further fields of the process. */
function onTerminal(script: string, more: Dict = {}): Dict {
  return { terminal: true, args: sh(script), ...more };
}

/**
 * Runs a container on a terminal of the test's; `tail` is what a shell adds to the command: redirections,
 * pipes.
 */
async function inForeground(
  { box, id, bundle }: Container,
  use: (terminal: Terminal) => Promise<void>,
  tail = "",
  options: TerminalOptions = {},
): Promise<void> {
  const command = `${box.runtime.path} --root ${box.root} run --bundle ${bundle.dir} ${id} ${tail}`;
  const words = tail === "" ? `exec ${command}` : command;
  const terminal = Terminal.start(["/bin/sh", "-c", words], { size: [91, 31], ...options });
  try {
    await use(terminal);
  } finally {
    await terminal.close();
  }
}

contract("terminal: prompt, echo, size, resize, Ctrl-C, exit status", async (box) => {
  const container = box.container({ process: { terminal: true, args: ["/bin/sh"] } });
  await inForeground(container, async (terminal) => {
    await terminal.expect(PROMPT);
    await shellDialogue(terminal);
  });
  await box.assertNothingLeft();
});

contract(
  "terminal: it is the process's own, as /dev/console, /dev/tty and on the standard streams",
  async (box) => {
    const script =
      "tty; stat -c '%t:%T %u:%g %a' /dev/console; echo by tty >/dev/tty; echo by console >/dev/console; " +
      "grep ' /dev/console ' /proc/self/mountinfo; sh -c 'ls -1 /proc/$PPID/fd; for i in 0 1 2; do readlink /proc/$PPID/fd/$i; done'; " +
      `${STTY} -a | grep -o '.onlcr'; cut -d' ' -f6 /proc/$$/stat; cut -d' ' -f8 /proc/$$/stat`;
    const container = box.container({ process: onTerminal(script, { user: { uid: 1000, gid: 1000 } }) });
    await inForeground(container, async (terminal) => {
      assertEquals(await terminal.wait(), 0);
      const lines = outputOf(terminal, box.runtime).split("\r\n");
      assertEquals(lines.slice(0, 4), ["/dev/pts/0", "88:0 1000:5 620", "by tty", "by console"]);
      assertMatch(lines[4], / \/0 \/dev\/console rw,\S+ - devpts devpts /);
      const streams = ["0", "1", "2", ...Array(3).fill("/dev/pts/0")];
      assertEquals(lines.slice(5), [...streams, "-onlcr", "1", "1", ""]);
    });
  },
);

contract("terminal: the caller's is as before after an end, an error, and a signal", async (box) => {
  const cases: [script: string, what: RegExp, code: number, signal?: Deno.Signal][] = [
    ["echo ready; exit 3", /ready/, 3],
    ["trap 'exit 9' TERM; echo ready; while :; do sleep .05; done", /ready/, 9, "SIGTERM"],
    ["trap 'exit 8' HUP; echo ready; while :; do sleep .05; done", /ready/, 8, "SIGHUP"],
    // Deno would have handlers of its own by then.
    ["trap 'exit 7' TERM; sleep 1; echo ready; while :; do sleep .05; done", /ready/, 7, "SIGTERM"],
    ["trap 'exit 6' USR1; sleep 1; echo ready; while :; do sleep .05; done", /ready/, 6, "SIGUSR1"],
    ["echo ready; exec sleep 60", /ready/, 137, "SIGKILL"],
  ];
  for (const [script, what, code, signal] of cases) {
    const container = box.container({ process: onTerminal(script) });
    // The shell waits first, so that the modes can be seen before tsrun sets them.
    await inForeground(
      container,
      async (terminal) => {
        const before = terminal.modes();
        await terminal.type("\r");
        await terminal.expect(what);
        if (signal) {
          assert(box.runtime.reference || terminal.modes() !== before, "not in raw mode");
          await until("raw mode", () => terminal.modes() !== before);
          // SIGKILL goes to the container: a runtime that is killed can restore nothing.
          if (signal === "SIGKILL") assertOk(await container.kill("KILL"));
          else Deno.kill(await runtimePid(container), signal);
        }
        const status = await terminal.wait();
        assertEquals(status, code);
        assertEquals(terminal.modes(), before, script);
      },
      "; code=$?; exit $code",
      { env: { ENV: "" } },
    );
  }
  const failing = box.container({ process: { terminal: true, args: ["/bin/none"] } });
  await inForeground(failing, async (terminal) => {
    const before = terminal.modes();
    await terminal.expect(/no such file or directory/);
    assertEquals(await terminal.wait(), 1);
    assertEquals(terminal.modes(), before);
  }, "; exit $?");
  await box.assertNothingLeft();
});

/** The process of the runtime that runs a container in the foreground. */
async function runtimePid({ id }: Container): Promise<number> {
  const found = await host("/usr/bin/pgrep", "-f", `run --bundle \\S+ ${id}$`);
  return Number(found.trim().split("\n").at(-1));
}

contract("terminal: 100 MB of output arrive whole", async (box) => {
  const often = "for i in 1 2 3 4 5 6 7 8 9 10; do cat";
  const script = `head -c 10000000 /dev/urandom >/tmp/sent; ${often} /tmp/sent; done; exit 5`;
  for (const tail of [`| cat >${box.dir}/received`, `>${box.dir}/received`]) {
    const container = box.container({ process: onTerminal(script) });
    await inForeground(container, async (terminal) => {
      await terminal.wait(60_000);
    }, tail);
    assertEquals(Deno.statSync(`${box.dir}/received`).size, 100_000_000);
    const sent = container.path("/tmp/sent");
    await host("/bin/sh", "-c", `${often} ${sent}; done | cmp - ${box.dir}/received`);
  }
}, { timeout: 120_000 });

contract("terminal: 20 MB of input arrive whole at a program that reads slowly", async (box) => {
  const script = `${STTY} raw -echo; echo ready; sleep .3; head -c 20000000 >/tmp/received; echo done`;
  const container = box.container({ process: onTerminal(script) });
  await host("/usr/bin/dd", "if=/dev/urandom", `of=${box.dir}/sent`, "bs=1000000", "count=20", "status=none");
  const { box: { runtime, root }, bundle, id } = container;
  const run = `${runtime.path} --root ${root} run --bundle ${bundle.dir} ${id} >${box.dir}/out`;
  const feed =
    `until grep -q ready ${box.dir}/out; do sleep .05; done; cat ${box.dir}/sent; sleep 1000 & wait`;
  const terminal = Terminal.start(["/bin/sh", "-c", `touch ${box.dir}/out; (${feed}) | (${run}; kill 0)`]);
  try {
    await terminal.wait(60_000);
    assertEquals(readText(`${box.dir}/out`), "ready\ndone\n");
    await host("/usr/bin/cmp", container.path("/tmp/received"), `${box.dir}/sent`);
  } finally {
    await terminal.close();
  }
}, { timeout: 90_000 });

contract("terminal: the caller's need not be one", async (box) => {
  const container = box.container({ process: onTerminal("tty; read line; echo never") });
  const end = container.run({ stdin: "" });
  await until("the output", () => container.stdout().includes("/dev/pts/0\n"));
  assertOk(await container.kill("KILL"));
  assertEquals((await end).code, 137);
  const loud = box.container({ process: onTerminal("cat; exit 4") });
  const heard = loud.run({ stdin: "a line\n\x04" });
  assertEquals((await heard).code, 4);
  assertEquals(loud.stdout(), "a line\na line\n");
}, { notOnReference: "runc wants a terminal to set to raw mode, if only /dev/tty" });

contract("terminal: in the background it waits until it is in the foreground", async (box) => {
  const container = box.container({ process: { terminal: true, args: ["/bin/sh"] } });
  const run = `${box.runtime.path} --root ${box.root} run --bundle ${container.bundle.dir} ${container.id}`;
  const terminal = Terminal.start(["/bin/bash", "--norc", "--noediting", "-i"], { env: { PS1: "host> " } });
  try {
    await terminal.expect(/host> $/);
    const before = terminal.modes();
    await terminal.type(`${run} &\r`);
    await until("the stop", async () => {
      await terminal.type("jobs\r");
      return await terminal.expect(/Stopped|Running/).then(([word]) => word === "Stopped");
    });
    assertEquals(terminal.modes(), before);
    await terminal.type("fg\r");
    await terminal.expect(PROMPT);
    await terminal.line("exit 4", /host> /);
    await terminal.line("echo status $?", /status 4\r\n/);
    assertEquals(terminal.modes(), before);
  } finally {
    await terminal.close();
  }
}, { notOnReference: "runc 1.1.5 hears the signal that should stop it, and tries for ever" });

contract("terminal: who stops reading hangs up", async (box) => {
  const container = box.container({
    process: onTerminal("trap 'exit 6' HUP; while :; do echo line; done"),
  });
  const run = `${box.runtime.path} --root ${box.root} run --bundle ${container.bundle.dir} ${container.id}`;
  const result = await box.command(["/bin/bash", "-c", `${run} | head -n 1; echo status \${PIPESTATUS[0]}`]);
  assertEquals(result.stdout, "line\nstatus 6\n");
}, { notOnReference: "runc 1.1.5 then leaves the process blocked" });

contract("terminal: output that nobody takes does not keep a signal from ending the runtime", async (box) => {
  // More than the pty and the pipe hold.
  const container = box.container({ process: onTerminal("trap 'exit 9' TERM; head -c 1000000 /dev/zero") });
  const fifo = `${box.dir}/fifo`;
  await host("/usr/bin/mkfifo", fifo);
  // The shell has it open, and never reads.
  await inForeground(container, async (terminal) => {
    const before = terminal.modes();
    await until("raw mode", () => terminal.modes() !== before);
    assertOk(await container.kill("KILL"));
    await container.wait("stopped");
    const pid = await runtimePid(container);
    // The first may come before the runtime has noticed the end of its process.
    await until("the end of the runtime", () => {
      try {
        Deno.kill(pid, "SIGTERM");
      } catch { /* it has ended */ }
      return terminal.modes() === before;
    });
    assertEquals(await terminal.wait(), 137);
  }, `3<>${fifo} >&3; exit $?`);
  await box.assertNothingLeft();
}, { notOnReference: "runc 1.1.5 removes the container before it waits for the rest of its output" });

contract("terminal: it may be closed and opened again", async (box) => {
  const script = "exec </dev/null >/dev/null 2>&1; sleep .3; echo late >/dev/console; sleep .3";
  const container = box.container({ process: onTerminal(script) });
  await inForeground(container, async (terminal) => {
    assertEquals(await terminal.wait(), 0);
    assertEquals(terminal.output, "late\r\n");
  });
}, { notOnReference: "runc 1.1.5 stops copying when the terminal is closed for the first time" });

/** Makes a container whose terminal goes to a socket; `use` gets the message that comes over it. */
async function withSocket(
  box: Box,
  process: Dict,
  use: (message: Message, container: Container) => Promise<void>,
  overrides: Dict = {},
): Promise<void> {
  using listener = new UnixListener(`${box.dir}/${box.containers.length}.sock`);
  const container = box.container({ ...overrides, process });
  assertOk(await container.create({ flags: ["--console-socket", listener.path] }));
  const message = await listener.message();
  try {
    await use(message, container);
  } finally {
    for (const fd of message.fds) local().call("close", [fd], { allow: "any" });
  }
}

contract("console socket: gets the master, its name, and a terminal of the size asked for", async (box) => {
  const script = `${STTY} size; tty; read line; echo "got $line" >/dev/console; read line`;
  const process = onTerminal(script, { consoleSize: { height: 33, width: 77 } });
  await withSocket(box, process, async ({ text, fds }, container) => {
    assertEquals([text, fds.length], ["/dev/ptmx", 1]);
    assertEquals(await container.status(), "created");
    assertOk(await container.start());
    assertMatch(await readMaster(fds[0], /pts/), /^33 77\r\n\/dev\/pts\/0\r\n/);
    const line = new TextEncoder().encode("hello\n");
    local().call("write", [fds[0], line, line.length]);
    await readMaster(fds[0], /got hello\r\n/);
  });
});

contract(
  "console socket: the terminal hangs up when its master is closed, as nobody else has it",
  async (box) => {
    const process = onTerminal(
      "trap 'echo hup >/tmp/hup; exit' HUP; echo ready; while :; do sleep .05; done",
    );
    await withSocket(box, process, async ({ fds }, container) => {
      assertOk(await container.start());
      await readMaster(fds[0], /ready/);
      local().close(fds[0]);
      await container.wait("stopped");
      assertEquals(readText(container.path("/tmp/hup")), "hup\n");
    });
  },
);

contract(
  "console socket: a read-only root, a user, run --detach",
  async (box) => {
    using listener = new UnixListener(`${box.dir}/console.sock`);
    const process = onTerminal("id -u; echo by tty >/dev/tty; sleep 60", { user: { uid: 1000, gid: 1000 } });
    const container = box.container({ process, root: { path: "rootfs", readonly: true } });
    assertOk(await container.run({ flags: ["--detach", "--console-socket", listener.path] }));
    const { fds } = await listener.message();
    assertEquals(await readMaster(fds[0], /by tty/), "1000\r\nby tty\r\n");
    local().close(fds[0]);
  },
);

contract("console socket: its path starts at the caller's directory, not at the bundle", async (box) => {
  using listener = new UnixListener(`${box.dir}/console.sock`);
  const container = box.container({ process: onTerminal("true") });
  assertOk(await container.create({ flags: ["--console-socket", "console.sock"], cwd: box.dir }));
  const { fds } = await listener.message();
  local().close(fds[0]);
}, { notOnReference: "runc 1.1.5 looks in the bundle" });

contract("console socket: a path longer than an address", async (box) => {
  const deep = `${box.dir}/${"d".repeat(100)}/${"e".repeat(100)}`;
  Deno.mkdirSync(deep, { recursive: true });
  using listener = new UnixListener(`${box.dir}/s`);
  Deno.renameSync(listener.path, `${deep}/s`);
  const container = box.container({ process: onTerminal("true") });
  assertOk(await container.create({ flags: ["--console-socket", `${deep}/s`] }));
  const { fds } = await listener.message();
  local().close(fds[0]);
}, { notOnReference: "runc takes no path of more than 107 bytes" });

contract("terminal: refused where nobody would have it", async (box) => {
  const terminal = box.container({ process: onTerminal("true") });
  const pipes = box.container();
  const socket = ["--console-socket", `${box.dir}/none.sock`];
  const without = /cannot allocate tty if \w+ will detach without setting console socket/;
  const useless = /cannot use console socket if \w+ will not detach or allocate tty/;
  assertError(await terminal.create(), without);
  assertError(await terminal.run({ flags: ["--detach"] }), without);
  assertError(await terminal.run({ flags: socket }), useless);
  assertError(await pipes.create({ flags: socket }), useless);
  assertError(await pipes.run({ flags: ["--detach", ...socket] }), useless);
  assertError(
    await terminal.create({ flags: socket }),
    /dial unix .*none\.sock: .*no such file or directory/,
  );
  await box.assertNothingLeft();
});

contract("terminal: a /dev/console or /dev/pts of the image leads nowhere else", async (box) => {
  const pts = box.container({ process: onTerminal("true"), mounts: [MOUNTS.proc, MOUNTS.dev] });
  Deno.writeTextFileSync(`${box.dir}/victim`, "victim");
  assertError(await pts.run(), /open .*dev\/p/);
  const mounts = [MOUNTS.proc, MOUNTS.devpts];
  const link = box.container({ process: onTerminal("echo through >/dev/console"), mounts });
  Deno.symlinkSync("/etc/passwd", link.path("/dev/console"));
  const passwd = readText(link.path("/etc/passwd"));
  assertError(await link.run(), /mount the terminal on \/dev\/console: .*symbolic links/);
  const fake = box.container({ process: onTerminal("true"), mounts: [MOUNTS.proc, MOUNTS.dev, FAKE_PTS] });
  assertError(await fake.run(), /it is not a devpts/);
  assertEquals(readText(link.path("/etc/passwd")), passwd);
}, { notOnReference: "runc 1.1.5 follows the link, and asks for no devpts" });

const FAKE_PTS = { destination: "/dev/pts", type: "tmpfs", source: "tmpfs", options: ["nosuid"] };
