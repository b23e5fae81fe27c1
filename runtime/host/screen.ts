/**
 * The terminal that standard output is, if it is one.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import { TIOCGWINSZ, WINSIZE_SIZE } from "../../ffi/structs_terminal.ts";
import { readTerminal } from "../../ffi/terminals.ts";

const STDOUT = 1;

/** Columns of a terminal that has no size, as serial lines have none. */
const USUAL = 80;

/**
 * Columns of the terminal on standard output; undefined where that is no terminal. The kernel is asked for
 * standard output alone: the other streams may be terminals of another size.
 */
export function screenColumns(k: LocalKernel): number | undefined {
  const size = readTerminal(k, STDOUT, TIOCGWINSZ, WINSIZE_SIZE);
  if (size === undefined) return undefined;
  return new DataView(size.buffer, size.byteOffset).getUint16(2, true) || USUAL;
}
