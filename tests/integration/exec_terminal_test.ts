/** Terminals of `exec`: the caller's own in the foreground, and those that go to a console socket. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { local } from "../../ffi/local.ts";
import type { Box } from "../lib/box.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { outputOf, PROMPT, shellDialogue, STTY } from "../lib/dialogue.ts";
import { readMaster } from "../lib/master.ts";
import { host } from "../lib/process.ts";
import { Terminal } from "../lib/pty.ts";
import { UnixListener } from "../lib/unix_listener.ts";

/** Prints the shell's descriptors, and where the standard ones lead. */
const STREAMS = "sh -c 'ls -1 /proc/$PPID/fd; for i in 0 1 2; do readlink /proc/$PPID/fd/$i; done'";

/** A container that runs, for processes to be added to. */
function running(box: Box, overrides: Dict = {}): Promise<Container> {
  return box.container({ process: { args: ["/bin/sleep", "1000"] }, ...overrides }).started();
}

/** Runs `exec --tty` on a terminal of the test's; `tail` is what a shell adds to the command. */
async function execInForeground(
  { box, id }: Container,
  args: string[],
  use: (terminal: Terminal) => Promise<void>,
  tail = "",
): Promise<void> {
  const argv = [box.runtime.path, "--root", box.root, "exec", "--tty", id, ...args];
  const words = `"$@" ${tail}`;
  const terminal = Terminal.start(["/bin/sh", "-c", words, "sh", ...argv], { size: [91, 31] });
  try {
    await use(terminal);
  } finally {
    await terminal.close();
  }
}

contract("exec -t: prompt, echo, size, resize, Ctrl-C, exit status, the caller's modes", async (box) => {
  const container = await running(box);
  await execInForeground(container, ["/bin/sh"], async (terminal) => {
    const before = terminal.modes();
    await terminal.expect(PROMPT);
    assert(terminal.modes() !== before, "not in raw mode");
    await shellDialogue(terminal);
    assertEquals(terminal.modes(), before);
  }, "; exit $?");
}, {
  notOnReference: "runc 1.1.5 makes the caller's terminal raw when the process may have written already",
});

contract(
  "exec -t: the terminal is the process's own, of its user, and /dev/console stays as it was",
  async (box) => {
    const container = await running(box);
    const script = `tty; stat -c '%t:%T %u:%g' $(tty); echo by tty >/dev/tty; ls /dev/console 2>/dev/null; ` +
      `${STREAMS}; set -- $(cat /proc/$$/stat); [ $1 = $6 ] && echo leader`;
    for (const uid of [0, 1000]) {
      const user = ["exec", "--tty", "--user", `${uid}:${uid}`, container.id];
      const terminal = Terminal.start([box.runtime.path, "--root", box.root, ...user, ...sh(script)]);
      try {
        assertEquals(await terminal.wait(), 0);
        const streams = ["0", "1", "2", ...Array(3).fill("/dev/pts/0")].join("\r\n");
        const output = outputOf(terminal, box.runtime);
        assertEquals(output, `/dev/pts/0\r\n88:0 ${uid}:5\r\nby tty\r\n${streams}\r\nleader\r\n`);
      } finally {
        await terminal.close();
      }
    }
  },
);

contract("exec -t: 20 MB of output arrive whole", async (box) => {
  const container = await running(box);
  const args = sh("head -c 20000000 /dev/urandom | tee /tmp/sent");
  await execInForeground(container, args, async (terminal) => {
    await terminal.wait(60_000);
  }, `>${box.dir}/received`);
  assertEquals(Deno.statSync(`${box.dir}/received`).size, 20_000_000);
  await host("/usr/bin/cmp", container.path("/tmp/sent"), `${box.dir}/received`);
}, {
  timeout: 60_000,
  notOnReference:
    "runc 1.1.5 leaves newlines to the caller's terminal when the process may have written already",
});

contract("exec -t: a process that stays in the background does not keep it from ending", async (box) => {
  const container = await running(box);
  const args = sh("trap '' HUP; sleep 30 & echo out; exit 3");
  await execInForeground(container, args, async (terminal) => {
    assertEquals(await terminal.wait(5_000), 3);
    assertEquals(terminal.output, "out\r\n");
  });
}, {
  notOnReference: "runc 1.1.5 makes the caller's terminal raw when the process may have written already",
});

contract("exec -t: a program that is not there leaves the caller's terminal alone", async (box) => {
  const container = await running(box);
  await execInForeground(container, ["/bin/none"], async (terminal) => {
    const before = terminal.modes();
    const status = await terminal.wait();
    assert(status !== 0);
    assertMatch(terminal.output, /no such file or directory/);
    assertEquals(terminal.modes(), before);
  }, "; exit $?");
});

contract("exec -t: without no-new-privileges, under a filter", async (box) => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }],
  };
  const process = { args: ["/bin/sleep", "1000"], noNewPrivileges: false };
  const container = await running(box, { process, linux: { seccomp } });
  await execInForeground(container, sh("tty; grep Seccomp: /proc/self/status"), async (terminal) => {
    assertEquals(await terminal.wait(), 0);
    assertEquals(outputOf(terminal, box.runtime), "/dev/pts/0\r\nSeccomp:\t2\r\n");
  });
});

contract("exec: the console socket gets the master of a process with a terminal", async (box) => {
  const container = await running(box);
  using listener = new UnixListener(`${box.dir}/console.sock`);
  const document = {
    terminal: true,
    consoleSize: { height: 33, width: 77 },
    user: { uid: 1000, gid: 1000 },
    args: sh(`${STTY} size; tty; read line; echo "got $line" >/dev/tty; exit 0`),
    env: ["PATH=/bin"],
    cwd: "/",
  };
  Deno.writeTextFileSync(`${box.dir}/process.json`, JSON.stringify(document));
  const flags = ["--detach", "--console-socket", listener.path, "--process", `${box.dir}/process.json`];
  assertOk(await box.cli(["exec", ...flags, container.id]));
  const { text, fds } = await listener.message();
  assertEquals([text, fds.length], ["/dev/ptmx", 1]);
  assertMatch(await readMaster(fds[0], /pts/), /^33 77\r\n\/dev\/pts\/0\r\n/);
  const line = new TextEncoder().encode("hello\n");
  local().call("write", [fds[0], line, line.length]);
  await readMaster(fds[0], /got hello\r\n/);
  local().close(fds[0]);
});

contract("exec: a terminal that nobody would have is refused", async (box) => {
  const container = await running(box);
  const exec = (...flags: string[]) => box.cli(["exec", ...flags, container.id, "true"]);
  const socket = ["--console-socket", `${box.dir}/none.sock`];
  const useless = /cannot use console socket if \w+ will not detach or allocate tty/;
  assertError(
    await exec("--detach", "--tty"),
    /cannot allocate tty if \w+ will detach without setting console socket/,
    255,
  );
  assertError(await exec("--tty", ...socket), useless, 255);
  assertError(await exec("--detach", ...socket), useless, 255);
  assertError(
    await exec("--detach", "--tty", ...socket),
    /dial unix .*none\.sock: .*no such file or directory/,
    255,
  );
});
