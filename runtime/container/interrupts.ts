/**
 * Interrupts: SIGHUP, SIGINT, SIGQUIT and SIGTERM end a `create` or `run` in the middle. Everything made
 * until then is removed, and the exit status is 128 + n, as if the signal had ended tsrun.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { SignalRelay } from "../../ffi/signal_relay.ts";
import { RuntimeError, TsrunError } from "../../ffi/errors.ts";

const ENDING: readonly number[] = [1, 2, 3, 15];

/** Listens to the signals that end a command, from its construction on. No later signal is lost. */
export class Interrupts {
  /** The relay that delivers the signals. They are taken from it only where a supervisor owns it. */
  readonly relay: SignalRelay;

  /**
   * @param k The kernel whose calls end when such a signal comes.
   * @param relay A relay that others use too, and that keeps the signals for them; the command's own when
   * absent.
   */
  constructor(readonly k: LocalKernel, relay?: SignalRelay) {
    this.relay = relay ?? new SignalRelay(k);
    this.relay.catch(ENDING, false);
  }

  /** Runs work that a signal may end: waits and blocking calls in it end as soon as one comes. */
  async during<T>(work: () => T | Promise<T>): Promise<T> {
    this.k.interruption = { fd: this.relay.fd, check: () => this.check() };
    try {
      this.relay.catch(ENDING, true);
      this.check();
      return await work();
    } finally {
      this.k.interruption = undefined;
    }
  }

  /**
   * Asks whether a signal has come.
   *
   * @throws {RuntimeError} `interrupted by signal <n>`; a signal that the caller ignores does not count.
   */
  check(): void {
    const { relay } = this;
    const signal = relay.peek().find((signal) => ENDING.includes(signal) && !relay.ignored.has(signal));
    if (signal !== undefined) {
      throw new RuntimeError("EINTR_COMMAND", `interrupted by signal ${signal}`, 128 + signal);
    }
  }

  /**
   * From here on signals interrupt nothing. They wait for a supervisor, or are lost because the command is
   * about to end.
   */
  disarm(): void {
    try {
      this.relay.catch(ENDING, false);
    } catch (error) {
      // Calls that a signal interrupts are made again, so nothing is lost; and what is to be undone still is.
      if (!(error instanceof TsrunError)) throw error;
    }
  }

  /** From here on signals end tsrun. */
  release(): void {
    this.relay.release(ENDING);
  }
}
