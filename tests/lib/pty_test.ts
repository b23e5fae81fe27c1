import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Terminal } from "./pty.ts";

/** Runs `use` with a shell on a terminal. */
async function withShell(script: string, use: (terminal: Terminal) => Promise<void>): Promise<void> {
  const terminal = Terminal.start(["/bin/sh", "-c", script], { size: [91, 31] });
  try {
    await use(terminal);
  } finally {
    await terminal.close();
  }
}

Deno.test("pty: output, input, size, signals, exit status", async () => {
  const script = 'stty size; trap "stty size" WINCH; trap "exit 7" INT; read line; echo "got $line"; ' +
    "while :; do sleep .02; done";
  await withShell(script, async (terminal) => {
    await terminal.expect(/^31 91\r\n/);
    await terminal.line("a line", /got a line\r\n/);
    terminal.resize(100, 40);
    await terminal.expect(/40 100\r\n/);
    await terminal.type("\x03");
    assertEquals(await terminal.wait(), 7);
  });
});

Deno.test("pty: a program that ends, and one that says something else", async () => {
  await withShell("echo this", async (terminal) => {
    const error = await assertRejects(() => terminal.expect(/that/), Error);
    assertMatch(error.message, /the terminal was left.*this/);
  });
  await withShell("echo this; read line", async (terminal) => {
    assertMatch((await assertRejects(() => terminal.expect(/that/, 50), Error)).message, /waited \d+ ms/);
    await assertRejects(() => terminal.wait(50), Error, "still running");
  });
});

Deno.test("pty: nothing is lost of much output, and modes can be compared", async () => {
  await withShell("seq 200000; stty -echo", async (terminal) => {
    const before = terminal.modes();
    assertEquals(await terminal.wait(30_000), 0);
    const lines = terminal.output.split("\r\n");
    assertEquals([lines.length, lines[0], lines[199999]], [200001, "1", "200000"]);
    assert(terminal.modes() !== before);
  });
});
