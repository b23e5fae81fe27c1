/**
 * Structures of a terminal by ioctl(2), and the signals that a terminal sends to background processes.
 * @module
 */

import { SIG_BLOCK, SIG_SETMASK, SIGTTIN, SIGTTOU } from "./constants.ts";
import type { LocalKernel } from "./local.ts";

/** Reads a structure of a terminal; undefined if the descriptor is not a terminal. */
export function readTerminal(
  k: LocalKernel,
  fd: number,
  request: number,
  size: number,
): Uint8Array | undefined {
  return k.scratch(() => {
    const buffer = k.buffer(size);
    const answer = k.call("ioctl", [fd, request, buffer], { allow: "any" }).wait();
    return answer < 0 ? undefined : buffer.bytes.slice();
  });
}

/**
 * Writes a structure of a terminal. A terminal whose other end is closed is left as it is, without an error.
 */
export function writeTerminal(
  k: LocalKernel,
  fd: number,
  request: number,
  structure: Uint8Array,
): void {
  k.call("ioctl", [fd, request, structure], { allow: "any" });
}

/** Lets SIGTTIN and SIGTTOU stop this process while it is in the background, as they stop any program. */
export function stopInBackground(k: LocalKernel): void {
  for (const signal of [SIGTTIN, SIGTTOU]) k.call("rt_sigaction", [signal, [0, 0, 0, 0], null, 8]);
}

/**
 * Runs a function that changes a terminal, from the background too: SIGTTOU is blocked meanwhile
 * (tcsetattr(3)).
 */
export function fromBackground(k: LocalKernel, work: () => void): void {
  k.scratch(() => {
    const before = k.buffer(8);
    k.call("rt_sigprocmask", [SIG_BLOCK, [2 ** (SIGTTOU - 1)], before, 8]);
    work();
    k.call("rt_sigprocmask", [SIG_SETMASK, before, null, 8]);
  });
}
