import { assertEquals } from "@std/assert";
import { O_CLOEXEC, O_NOCTTY, O_NONBLOCK, O_RDONLY, O_RDWR } from "../../../ffi/constants.ts";
import { local } from "../../../ffi/local.ts";
import { TIOCGPTPEER, TIOCSPTLCK } from "../../../ffi/structs_terminal.ts";
import { copyInput, copyOutput } from "./copy.ts";
import { leaveNewlinesAlone } from "./modes.ts";

const k = () => local();

/** A pty of this machine whose master does not block; the slave is held, as an init holds it. */
function openPty(): { master: number; slave: number; path: string } {
  const flags = O_RDWR | O_NOCTTY | O_NONBLOCK;
  const master = k().open("/dev/ptmx", flags).wait();
  k().call("ioctl", [master, TIOCSPTLCK, new Uint8Array(4)]);
  const slave = k().call("ioctl", [master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC]).wait();
  leaveNewlinesAlone(local(), master);
  return { master, slave, path: Deno.readLinkSync(`/proc/self/fd/${slave}`) };
}

function openPipe(flags: number): { read: number; write: number } {
  return k().scratch(() => {
    const pair = k().buffer(8);
    k().call("pipe2", [pair, O_CLOEXEC | flags]);
    return { read: pair.i32(0), write: pair.i32(4) };
  });
}

/** Takes what a pipe has, a little at a time, until its end. */
async function readSlowly(fd: number): Promise<string> {
  let text = "";
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const more = k().scratch(() => {
      const buffer = k().buffer(50_000);
      const got = k().call("read", [fd, buffer, buffer.size], { allow: "any" }).wait();
      if (got > 0) text += buffer.text(got);
      return got !== 0;
    });
    if (!more) return text;
  }
}

/** Runs a script on a pty while `use` copies; the pidfd is of the script's shell. */
async function onPty<T>(
  script: string,
  use: (master: number, pidfd: number, slave: number) => Promise<T>,
): Promise<T> {
  const { master, slave, path } = openPty();
  const args = ["-c", `exec <"$0" >"$0" 2>&1; ${script}`, path];
  const child = new Deno.Command("/bin/sh", { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
  const pidfd = k().call("pidfd_open", [child.pid, 0]).wait();
  try {
    return await use(master, pidfd, slave);
  } finally {
    await child.status;
    for (const fd of [master, slave, pidfd]) k().close(fd);
  }
}

for (const blocking of [true, false]) {
  const kind = blocking ? "blocks" : "does not block";
  Deno.test(`nothing is lost where the output is slow and ${kind}`, async () => {
    const pipe = openPipe(O_NONBLOCK);
    const F_SETFL = 4;
    if (blocking) k().call("fcntl", [pipe.write, F_SETFL, 0]);
    const whole = onPty("seq 200000", async (master, pidfd) => {
      const copied = await copyOutput(local(), { master, input: -1, output: pipe.write, pidfd });
      k().close(pipe.write);
      return copied;
    });
    const lines = (await readSlowly(pipe.read)).split("\n");
    assertEquals([lines.length, lines[99_999], lines[199_999]], [200_001, "100000", "200000"]);
    assertEquals(await whole, true);
    k().close(pipe.read);
  });
}

Deno.test("the end is the process's, though the terminal stays open", async () => {
  const pipe = openPipe(O_NONBLOCK);
  // The test holds the slave all the time.
  assertEquals(
    await onPty("echo last words", (master, pidfd) => {
      return copyOutput(local(), { master, input: -1, output: pipe.write, pidfd });
    }),
    true,
  );
  k().close(pipe.write);
  assertEquals(await readSlowly(pipe.read), "last words\n");
  k().close(pipe.read);
});

Deno.test("an output that nobody reads any more ends the copy", async () => {
  const pipe = openPipe(0);
  k().close(pipe.read);
  const script = "trap '' PIPE; echo one; echo two";
  const copied = await onPty(script, (master, pidfd) => {
    return copyOutput(local(), { master, input: -1, output: pipe.write, pidfd });
  });
  assertEquals(copied, false);
  k().close(pipe.write);
});

Deno.test("input arrives whole at a slow reader, and its end ends the copy", async () => {
  const path = Deno.makeTempFileSync();
  const text = Array.from({ length: 50_000 }, (_, i) => `line ${i}\n`).join("");
  Deno.writeTextFileSync(path, text);
  const input = k().open(path, O_RDONLY).wait();
  const received = `${path}.received`;
  const script = `stty -echo; touch ${received}; sleep .2; head -n 50000 >${received}`;
  await onPty(script, async (master, pidfd) => {
    while (!exists(received)) await new Promise((resolve) => setTimeout(resolve, 5));
    await copyInput(local(), { master, input, output: -1, pidfd });
  });
  assertEquals(Deno.readTextFileSync(received) === text, true);
  k().close(input);
  Deno.removeSync(path);
  Deno.removeSync(received);
});

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
