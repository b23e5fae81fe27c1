/**
 * The terminal of a process that tsrun stays with: between its pty and the caller's terminal, tsrun is the cable.
 *
 *     caller's terminal (raw) ─ stdin ─> tsrun ─> master ═ slave ─ process
 *                            <─ stdout ─      <─
 *
 * Signals are no part of this: in raw mode Ctrl-C is a byte, and the pty makes the signal of it. A change of the
 * caller's window comes as SIGWINCH to tsrun, and is passed on as a size.
 * @module
 */

import { makeNonblocking } from "../../../ffi/io.ts";
import { pidfdOpen } from "../../../ffi/pidfd.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { pauseInBackground } from "../../host/poll.ts";
import { copyInput, copyOutput } from "./copy.ts";
import { copySize, RawMode, STANDARD } from "./modes.ts";

/** How long what is left of the output may take when tsrun is to end, in milliseconds. */
const LAST_OUTPUT = 1000;

/** What a terminal hears of the signals that tsrun gets. */
export interface TerminalSignals {
  /** Called when the caller's terminal has another size. */
  onResize: (() => void) | undefined;
  /** Settled by a signal that asks a program to end. */
  askedToEnd(): Promise<void>;
}

/** The caller's side of a pty. Disposing of it gives the caller's terminal back and hangs the pty up. */
export class Terminal implements Disposable {
  #raw: RawMode | undefined;
  #open = true;
  #copied: Promise<void> = Promise.resolve();
  #failure: unknown;

  /**
   * @param master The pty's master; the terminal's own from now on.
   * @param supervisor Hears when the caller's terminal changes its size, and who wants tsrun to end.
   */
  constructor(readonly k: LocalKernel, readonly master: number, readonly supervisor: TerminalSignals) {
    // The descriptor came over a socket, and its other copy closes: the open file is nobody else's.
    makeNonblocking(k, master);
    supervisor.onResize = () => copySize(k, STANDARD, master);
    // It may have changed before anybody listened.
    supervisor.onResize();
  }

  /**
   * Sets the caller's terminal to raw mode, if standard input is one, and begins to copy.
   *
   * Where the output takes no more, the pty is hung up, as a terminal is that somebody closes.
   *
   * @param pid A child of this process that has not been waited for.
   */
  attach(pid: number): void {
    const pidfd = pidfdOpen(this.k, pid);
    this.#raw = new RawMode(this.k, 0);
    const ends = { master: this.master, input: 0, output: 1, pidfd };
    // Nobody waits for a failure yet, and one that nobody waits for ends Deno at once, the terminal as it is.
    const failed = (error: unknown) => {
      this.#failure = error;
      this.#hangUp();
    };
    this.#copied = copyOutput(this.k, ends).then((whole) => {
      if (!whole) this.#hangUp();
    }).catch(failed);
    // It waits for a key when all is over; the end of tsrun is its end.
    copyInput(this.k, ends).catch(failed);
  }

  /**
   * Settled when the process, which has been waited for, has ended and all that it wrote is out; or somebody wants tsrun
   * to end, and for a while nobody takes the rest.
   *
   * @throws {Error} What kept the copy from it.
   */
  async drained(): Promise<void> {
    await Promise.race([this.#copied, this.#givenUp()]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The same signal may have ended the process: what it had written before needs its time. */
  async #givenUp(): Promise<void> {
    await this.supervisor.askedToEnd();
    await pauseInBackground(this.k, LAST_OUTPUT);
  }

  #hangUp(): void {
    if (this.#open) this.k.close(this.master);
    this.#open = false;
  }

  [Symbol.dispose](): void {
    this.#raw?.[Symbol.dispose]();
    this.#hangUp();
  }
}
