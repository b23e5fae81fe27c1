/**
 * What ends a `create` or `run` in the middle: SIGHUP, SIGINT, SIGQUIT and SIGTERM. Everything that was made until then
 * goes again, and the exit status is 128 + n, as if the signal had ended tsrun.
 * @module
 */

import type { LocalKernel } from "../ffi/local.ts";
import { ignoreSignals, SignalRelay } from "../ffi/signal_relay.ts";
import { RuntimeError } from "./errors.ts";

const ENDING: readonly number[] = [1, 2, 3, 15];

/** Listens to the signals that end a command, from its making on. */
export class Interrupts {
  #relay: SignalRelay | undefined;
  readonly #own: boolean;
  /** Signals that the caller ignores: nohup(1) does that. */
  #ignored: readonly number[] = [];

  /**
   * @param k Whose calls end when such a signal comes.
   * @param relay One that others use as well, and that keeps the signals for them; the command's own when absent.
   */
  constructor(readonly k: LocalKernel, relay?: SignalRelay) {
    this.#own = relay === undefined;
    this.#relay = relay;
    relay?.catch(ENDING, true);
    if (this.#own) this.#ignored = ignoreSignals(k, ENDING);
  }

  /** Listens, where nobody else does; to be called when there is time, as it takes half a millisecond. Until then signals are lost. */
  listen(): void {
    if (this.#relay) return;
    this.#relay = new SignalRelay(this.k);
    this.#relay.catch(this.#heeded(), true);
    // It was us who had them ignored.
    this.#relay.ignored.clear();
  }

  #heeded(): number[] {
    return ENDING.filter((signal) => !this.#ignored.includes(signal));
  }

  /** Runs what a signal may end: within, calls that block end as soon as one comes. */
  async during<T>(work: () => T | Promise<T>): Promise<T> {
    this.k.onInterrupt = () => this.check();
    try {
      this.check();
      return await work();
    } finally {
      this.k.onInterrupt = undefined;
    }
  }

  /**
   * Asks whether a signal has come.
   *
   * @throws {RuntimeError} `interrupted by signal <n>`; a signal that the caller ignores does not count.
   */
  check(): void {
    const relay = this.#relay;
    const signal = relay?.peek().find((signal) => ENDING.includes(signal) && !relay.ignored.has(signal));
    if (signal !== undefined) throw new RuntimeError(`interrupted by signal ${signal}`, 128 + signal);
  }

  /** From here on signals interrupt nothing: they wait for a supervisor, or are lost on a command that is all but over. */
  disarm(): void {
    if (!this.#own) this.#relay?.catch(ENDING, false);
  }

  /** From here on signals end tsrun. */
  release(): void {
    this.#relay?.release(this.#heeded());
  }
}
