/**
 * A terminal's modes and size, by ioctl(2).
 * @module
 */

import { fromBackground, readTerminal, stopInBackground, writeTerminal } from "../../../ffi/terminals.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import {
  rawModes,
  TCGETS,
  TCSETS,
  TERMIOS_SIZE,
  TIOCGWINSZ,
  TIOCSWINSZ,
  WINSIZE_SIZE,
  withoutNewlineMapping,
} from "../../../ffi/structs_terminal.ts";

/** Standard streams. Those that are terminals are the caller's. */
export const STANDARD: readonly number[] = [0, 1, 2];

/**
 * Leaves newlines to the terminal at the other end. Otherwise both would put a carriage return before them.
 */
export function leaveNewlinesAlone(k: LocalKernel, master: number): void {
  const modes = readTerminal(k, master, TCGETS, TERMIOS_SIZE);
  if (modes) writeTerminal(k, master, TCSETS, withoutNewlineMapping(modes));
}

/**
 * Gives a pty the size of the first of the descriptors that is a terminal with a size.
 *
 * @param master The pty's master. Its processes get SIGWINCH after a change.
 */
export function copySize(k: LocalKernel, from: readonly number[], master: number): void {
  for (const fd of from) {
    const size = readTerminal(k, fd, TIOCGWINSZ, WINSIZE_SIZE);
    if (size === undefined || size.subarray(0, 4).every((byte) => byte === 0)) continue;
    // The process may have ended, and its terminal with it.
    writeTerminal(k, master, TIOCSWINSZ, size);
    return;
  }
}

/** A terminal in raw mode, until it is disposed of. */
export class RawMode implements Disposable {
  #original: Uint8Array | undefined;

  /** @param fd The caller's terminal. Any other descriptor is left alone. */
  constructor(readonly k: LocalKernel, readonly fd: number) {
    this.#original = readTerminal(k, fd, TCGETS, TERMIOS_SIZE);
    if (this.#original === undefined) return;
    // In the background these signals stop tsrun until it gets the terminal, as they stop any program. Deno's
    // own handler, which its signal listeners install, would repeat the call below for ever.
    stopInBackground(k);
    writeTerminal(k, fd, TCSETS, rawModes(this.#original));
  }

  /** Restores the former modes. */
  [Symbol.dispose](): void {
    const original = this.#original;
    if (original === undefined) return;
    this.#original = undefined;
    fromBackground(this.k, () => writeTerminal(this.k, this.fd, TCSETS, original));
  }
}
