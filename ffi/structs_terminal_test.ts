import { assertEquals } from "@std/assert";
import { rawModes, TERMIOS_SIZE, windowSize, withoutNewlineMapping } from "./structs_terminal.ts";

/** Modes as a new terminal has them, see tty_std_termios in the kernel's drivers/tty/tty_io.c. */
function usual(): Uint8Array {
  const modes = new Uint8Array(TERMIOS_SIZE);
  new Uint32Array(modes.buffer, 0, 4).set([0o2400, 0o5, 0o277, 0o105073]);
  modes.set([3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26], 17);
  return modes;
}

/** The four words of flags, in octal, and VTIME and VMIN. */
function read(modes: Uint8Array): string[] {
  const words = new Uint32Array(modes.slice(0, 16).buffer);
  return [...[...words].map((word) => word.toString(8)), `${modes[22]} ${modes[23]}`];
}

Deno.test("raw modes pass every key on, and still process output", () => {
  const modes = usual();
  assertEquals(read(rawModes(modes)), ["0", "5", "277", "5060", "0 1"]);
  assertEquals(modes, usual());
});

Deno.test("raw modes: eight bits without parity, a byte at a time, whatever was before", () => {
  const modes = usual();
  new Uint32Array(modes.buffer, 0, 4).set([0xffffffff, 5, 0o477, 0xffffffff]);
  modes.set([9, 9], 22);
  const [input, , control, local, counts] = read(rawModes(modes));
  assertEquals([input, control, local, counts], ["37777775024", "77", "37777677664", "0 1"]);
});

Deno.test("newlines can be left alone", () => {
  const plain = withoutNewlineMapping(usual());
  assertEquals(read(plain), ["2400", "1", "277", "105073", "0 1"]);
});

Deno.test("a window size is rows, columns and no pixels", () => {
  assertEquals([...windowSize(50, 300)], [50, 0, 44, 1, 0, 0, 0, 0]);
});
