/** What a person does on a terminal inside a container, whichever client it comes from. */
import { assertEquals } from "@std/assert";
import { PATIENCE, sleep, until } from "../lib/process.ts";
import { INTERRUPTIBLE } from "../lib/dialogue.ts";
import type { Terminal } from "../lib/pty.ts";

// Ends of lines are \r+\n in these patterns: ctr lets its own terminal add a second carriage return.

/** The prompt of busybox's shell, behind which it may ask the terminal for the cursor's place. */
export const PROMPT = /\/ # \S*$/;

/** Columns and rows of the clients' terminals. */
export const SIZE: [number, number] = [101, 33];

/** A script that tells of signals and of its terminal's size, and reads lines. */
export const LISTENER: string =
  `trap 'echo size $(stty size)' WINCH; trap 'echo caught; exit 7' INT; echo ready
while :; do if read -t 1 line; then echo "got $line"; fi; done`;

/** A script that prints what its terminal is: name, modes, owner, mounts, descriptors, session. */
export const DESCRIBE: string =
  `echo $TERM; tty; stty -g; stat -c '%n %F %u %g %a %t %T' $(tty) /dev/console /dev/pts/ptmx; ls /dev/pts
grep -E ' (/dev/console|/dev/pts) ' /proc/self/mountinfo | cut -d ' ' -f 4- | sed 's/[a-z]*:[0-9]*//'
for fd in 0 1 2; do readlink /proc/$$/fd/$fd; done; ls /proc/$$/fd; echo hold >/dev/tty
ps -o pid,ppid,pgid,sid,tty | awk -v p=$$ '$1 == p { print $2, $1 - $3, $1 - $4, $5 }'`;

/** Output of {@linkcode DESCRIBE}, when it has ended well. */
export async function described(terminal: Terminal): Promise<string> {
  assertEquals(await terminal.wait(), 0, terminal.output);
  // ctr asks for a size as soon as it knows of the process, which may have ended by then: its own race, not a
  // runtime's.
  return terminal.output.replaceAll(/\r+\n/g, "\n").replace(
    /^.*ERRO.*resize pty .*stopped container.*\n/m,
    "",
  );
}

/** Goes through {@linkcode LISTENER}: a line, another size, Ctrl-C, its exit status. */
export async function speak(terminal: Terminal): Promise<void> {
  await terminal.expect(/ready\r+\n/);
  await terminal.line("hello", /got hello\r+\n/);
  await resize(terminal, () => Promise.resolve(/size 50 120\r+\n/.test(terminal.output)));
  await terminal.type("\x03");
  await terminal.expect(/caught/);
  assertEquals(await terminal.wait(), 7);
}

/** A session in a shell: prompt, size and another one, Ctrl-C, statuses of commands and of the shell. */
export async function talk(terminal: Terminal): Promise<void> {
  await terminal.expect(PROMPT);
  // stty fails at a terminal that has no size yet.
  const size = async () => (await terminal.line("stty size", /(\d+ \d+|stty: .*?)\r+\n/))[1];
  // The client tells the size after the start, as it did not know the container before.
  await until("the size", async () => (await size()) === "33 101");
  await resize(terminal, async () => (await size()) === "50 120");
  await terminal.line("tty", /\/dev\/pts\/\d+\r+\n/);
  await terminal.line(INTERRUPTIBLE, /begin\r+\n/);
  await terminal.type("\x03");
  await terminal.line("echo status $?", /status 130\r+\n/);
  await terminal.line("sh -c 'kill -9 $$'; echo status $?", /status 137\r+\n/);
  await terminal.line("exit 42", /exit 42\r+\n/);
  assertEquals(await terminal.wait(), 42);
}

/**
 * Makes the terminal 120 columns by 50 rows, until that is seen inside. A client misses the change when it
 * comes between its first look at the size and its wait for changes.
 */
async function resize(terminal: Terminal, isSeen: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 10_000 * PATIENCE; performance.now() < end;) {
    terminal.resize(119, 50);
    terminal.resize(120, 50);
    for (const pause of [50, 200]) {
      await sleep(pause);
      if (await isSeen()) return;
    }
  }
  throw new Error(`the new size is not seen: ${JSON.stringify(terminal.output.slice(-500))}`);
}
