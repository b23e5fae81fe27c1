/**
 * The terminal of a foreground command's process: tsrun connects its pty with the caller's terminal.
 *
 *     caller's terminal (raw) ─ stdin ─> tsrun ─> master ═ slave ─ process
 *                            <─ stdout ─      <─
 *
 * Signals do not go this way: in raw mode Ctrl-C is a byte, from which the pty makes the signal. A change of
 * the caller's window comes to tsrun as SIGWINCH, and is passed on as a size.
 * @module
 */

import { makeNonblocking } from "../../../ffi/io.ts";
import { pidfdOpen } from "../../../ffi/pidfd.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { pauseInBackground } from "../../host/poll.ts";
import { copyInput, copyOutput } from "./copy.ts";
import { copySize, RawMode, STANDARD } from "./modes.ts";

/** How long the rest of the output may take when tsrun is to end, in milliseconds. */
const LAST_OUTPUT = 1000;

/** Signals of tsrun that concern a terminal. */
export interface TerminalSignals {
  /** Called when the size of the caller's terminal has changed. */
  onResize: (() => void) | undefined;
  /** Settles at a signal that asks a program to end. */
  askedToEnd(): Promise<void>;
}

/** The caller's side of a pty. Disposing of it restores the caller's terminal and hangs the pty up. */
export class Terminal implements Disposable {
  #raw: RawMode | undefined;
  #open = true;
  #copied: Promise<void> = Promise.resolve();
  #failure: unknown;

  /**
   * @param master The pty's master. This object owns it from now on.
   * @param supervisor Reports changes of the caller's terminal, and signals that ask tsrun to end.
   */
  constructor(readonly k: LocalKernel, readonly master: number, readonly supervisor: TerminalSignals) {
    // The descriptor came over a socket, and its other copy is closed, so no other process shares the open
    // file.
    makeNonblocking(k, master);
    supervisor.onResize = () => copySize(k, STANDARD, master);
    // The size may have changed before anything listened.
    supervisor.onResize();
  }

  /**
   * Sets the caller's terminal to raw mode, if standard input is one, and begins to copy.
   *
   * When the output accepts no more, the pty is hung up, as if its terminal had been closed.
   *
   * @param pid A child of this process that has not been waited for.
   */
  attach(pid: number): void {
    const pidfd = pidfdOpen(this.k, pid);
    this.#raw = new RawMode(this.k, 0);
    const ends = { master: this.master, input: 0, output: 1, pidfd };
    // Nothing awaits a failure yet, and Deno ends at once on a failure that nothing awaits, without restoring
    // the terminal.
    const failed = (error: unknown) => {
      this.#failure = error;
      this.#hangUp();
    };
    this.#copied = copyOutput(this.k, ends).then((whole) => {
      if (!whole) this.#hangUp();
    }).catch(failed);
    // This still waits for a key when everything else is done. It ends with tsrun.
    copyInput(this.k, ends).catch(failed);
  }

  /**
   * Settles when the process, which has been waited for, has ended and all its output is written; or when
   * tsrun is asked to end and nothing takes the rest for a while.
   *
   * @throws {Error} The failure of the copy.
   */
  async drained(): Promise<void> {
    await Promise.race([this.#copied, this.#givenUp()]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** The same signal may have ended the process. Its output from before gets its time. */
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
