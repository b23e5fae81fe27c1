/**
 * What ends a `create` or `run` in the middle: SIGHUP, SIGINT, SIGQUIT and SIGTERM. Everything that was made until then
 * goes again, and the exit status is 128 + n, as if the signal had ended tsrun.
 * @module
 */

import type { LocalKernel } from "../ffi/local.ts";
import { SignalRelay } from "../ffi/signal_relay.ts";
import { RuntimeError } from "./errors.ts";

const ENDING: readonly number[] = [1, 2, 3, 15];

/** Listens to the signals that end a command, from its making until it is disarmed. */
export class Interrupts {
  readonly #relay: SignalRelay;
  readonly #own: boolean;

  /**
   * Makes calls of `k` that block end as soon as such a signal comes.
   *
   * @param relay That of a supervisor, who is left all signals; the command's own when absent.
   */
  constructor(readonly k: LocalKernel, relay?: SignalRelay) {
    this.#own = relay === undefined;
    this.#relay = relay ?? new SignalRelay(k);
    this.#relay.catch(ENDING, true);
    k.onInterrupt = () => this.check();
  }

  /**
   * Asks whether a signal has come.
   *
   * @throws {RuntimeError} `interrupted by signal <n>`; a signal that the caller ignores does not count.
   */
  check(): void {
    const { ignored } = this.#relay;
    const signal = this.#relay.peek().find((signal) => ENDING.includes(signal) && !ignored.has(signal));
    if (signal !== undefined) throw new RuntimeError(`interrupted by signal ${signal}`, 128 + signal);
  }

  /** From here on signals have their default action again, or are the supervisor's. */
  disarm(): void {
    this.k.onInterrupt = undefined;
    if (this.#own) this.#relay.release(ENDING);
    else this.#relay.catch(ENDING, false);
  }
}
