/**
 * A terminal's modes and size, by ioctl(2).
 * @module
 */

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

const SIGTTIN = 21, SIGTTOU = 22;
const SIG_BLOCK = 0, SIG_SETMASK = 2;

/** Standard streams: those of them that are terminals are the caller's. */
export const STANDARD: readonly number[] = [0, 1, 2];

/** Reads a structure by an ioctl(2); undefined where the descriptor has none, being no terminal. */
function query(k: LocalKernel, fd: number, request: number, size: number): Uint8Array | undefined {
  return k.scratch(() => {
    const buffer = k.buffer(size);
    return k.call("ioctl", [fd, request, buffer], { allow: "any" }).wait() < 0
      ? undefined
      : buffer.bytes.slice();
  });
}

/** Leaves newlines to the terminal at the other end: otherwise both would put a carriage return before them. */
export function leaveNewlinesAlone(k: LocalKernel, master: number): void {
  const modes = query(k, master, TCGETS, TERMIOS_SIZE);
  if (modes) k.call("ioctl", [master, TCSETS, withoutNewlineMapping(modes)]);
}

/**
 * Gives a pty the size of the first of the descriptors that is a terminal with a size.
 *
 * @param master The pty's master; its processes hear of a change by SIGWINCH.
 */
export function copySize(k: LocalKernel, from: readonly number[], master: number): void {
  for (const fd of from) {
    const size = query(k, fd, TIOCGWINSZ, WINSIZE_SIZE);
    if (size === undefined || size.subarray(0, 4).every((byte) => byte === 0)) continue;
    // The process may be gone, and its terminal with it.
    k.call("ioctl", [master, TIOCSWINSZ, size], { allow: "any" });
    return;
  }
}

/** A terminal in raw mode, until it is disposed of. */
export class RawMode implements Disposable {
  #original: Uint8Array | undefined;

  /** @param fd The caller's terminal; anything else is left alone. */
  constructor(readonly k: LocalKernel, readonly fd: number) {
    this.#original = query(k, fd, TCGETS, TERMIOS_SIZE);
    if (this.#original === undefined) return;
    // In the background these stop tsrun until it is the terminal's turn, as they do any program. Deno's own
    // handler, which forwarding by signal listeners installs, would make the call below try again for ever.
    for (const signal of [SIGTTIN, SIGTTOU]) k.call("rt_sigaction", [signal, [0, 0, 0, 0], null, 8]);
    // A terminal whose other end is gone is as good as it can be.
    k.call("ioctl", [fd, TCSETS, rawModes(this.#original)], { allow: "any" });
  }

  /** Brings back the modes of before. */
  [Symbol.dispose](): void {
    const original = this.#original;
    if (original === undefined) return;
    this.#original = undefined;
    const { k } = this;
    k.scratch(() => {
      const before = k.buffer(8);
      // Blocked, it does not keep a process in the background from leaving the terminal in order (tcsetattr(3)).
      k.call("rt_sigprocmask", [SIG_BLOCK, [2 ** (SIGTTOU - 1)], before, 8]);
      k.call("ioctl", [this.fd, TCSETS, original], { allow: "any" });
      k.call("rt_sigprocmask", [SIG_SETMASK, before, null, 8]);
    });
  }
}
