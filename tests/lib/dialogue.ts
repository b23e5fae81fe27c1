/** What a person does in a shell on a terminal, and what has to come back. */
import { assertEquals } from "@std/assert";
import { until } from "./process.ts";
import type { Terminal } from "./pty.ts";
import type { Runtime } from "./runtime.ts";

/** Prints the terminal's settings, by busybox. */
export const STTY = "/bin/busybox stty";
/** The shell's prompt, behind which it may ask the terminal for the cursor's place. */
export const PROMPT = /\/ # \S*$/;

/**
 * A command that can be ended by Ctrl-C once it has said "begin", which it does not say when it is typed.
 * Until the program is there itself, busybox's shell may take the key for its own, or lose it.
 */
export const INTERRUPTIBLE = `sh -c 'echo be""gin; exec sleep 100'`;

/**
 * What a program wrote on a terminal from its beginning on. runc 1.1.5 makes the caller's terminal raw when
 * the program may have written already; such lines get one more carriage return.
 */
export function outputOf(terminal: Terminal, { reference }: Runtime): string {
  return reference ? terminal.output.replaceAll(/\r+\n/g, "\r\n") : terminal.output;
}

/**
 * Looks at the size (31 rows of 91 columns), changes it, interrupts a program, and leaves the shell with
 * status 7.
 *
 * @param terminal One with the prompt of a shell.
 */
export async function shellDialogue(terminal: Terminal): Promise<void> {
  await terminal.line(`${STTY} size`, /stty size\r\n31 91\r\n/);
  terminal.resize(100, 40);
  await terminal.line("echo resized", /resized\r\n/);
  await until("the new size", async () => {
    await terminal.type(`${STTY} size\r`);
    return await terminal.expect(/size\r\n(\d+ \d+)\r\n/).then((match) => match[1] === "40 100");
  });
  await terminal.line(INTERRUPTIBLE, /begin\r\n/);
  await terminal.type("\x03");
  await terminal.expect(PROMPT);
  await terminal.type("exit 7\r");
  assertEquals(await terminal.wait(), 7);
}
