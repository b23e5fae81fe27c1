/**
 * Foreground supervision: signals go on to the container's process, children are reaped, its exit status comes back.
 * @module
 */

import { WNOHANG } from "../ffi/constants.ts";
import { ECHILD, ESRCH } from "../ffi/errno.ts";
import { local } from "../ffi/local.ts";

/** Signals that are passed on: all that Deno can listen to, but for those that are about tsrun itself. */
const FORWARDED: readonly Deno.Signal[] = [
  "SIGHUP",
  "SIGINT",
  "SIGQUIT",
  "SIGTRAP",
  "SIGABRT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGPIPE",
  "SIGALRM",
  "SIGTERM",
  "SIGCONT",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGXCPU",
  "SIGXFSZ",
  "SIGVTALRM",
  "SIGPROF",
  "SIGWINCH",
  "SIGIO",
  "SIGPWR",
  "SIGSYS",
];

const NUMBERS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
};

/** Exit status of a process by wait(2)'s status word: its code, or 128 + the signal. */
export function exitStatus(word: number): number {
  const signal = word & 0x7f;
  return signal === 0 ? (word >> 8) & 0xff : 128 + signal;
}

/** Listens from its making to its disposal; signals that come before there is a process are kept for it. */
export class Supervisor implements Disposable {
  #pid = 0;
  readonly #early: number[] = [];
  readonly #listeners: [Deno.Signal, () => void][] = [];
  #childEnded: () => void = () => {};
  /** Called when the caller's terminal has another size, where the container's process is not to be told. */
  onResize: (() => void) | undefined;

  constructor() {
    for (const name of FORWARDED) this.#listen(name, () => this.#forward(NUMBERS[name]));
    this.#listen("SIGCHLD", () => this.#childEnded());
  }

  #listen(name: Deno.Signal, handler: () => void): void {
    Deno.addSignalListener(name, handler);
    this.#listeners.push([name, handler]);
  }

  #forward(signal: number): void {
    if (signal === NUMBERS.SIGWINCH && this.onResize) this.onResize();
    else if (this.#pid === 0) this.#early.push(signal);
    else local().kill(this.#pid, signal, { allow: [ESRCH] });
  }

  /**
   * Waits until a child has ended, reaping every other one on the way.
   *
   * @param pid The container's init, a child of this process.
   * @returns Its exit status.
   */
  wait(pid: number): Promise<number> {
    this.#pid = pid;
    for (const signal of this.#early.splice(0)) this.#forward(signal);
    return new Promise((resolve) => {
      this.#childEnded = () => {
        const status = reapAll(pid);
        if (status !== undefined) resolve(status);
      };
      // It may have ended before anybody listened.
      this.#childEnded();
    });
  }

  [Symbol.dispose](): void {
    for (const [name, handler] of this.#listeners) Deno.removeSignalListener(name, handler);
  }
}

/** Reaps all children that have ended; the exit status of `pid` if it was among them. */
function reapAll(pid: number): number | undefined {
  const k = local();
  return k.scratch(() => {
    const word = k.buffer(8);
    let status: number | undefined;
    for (;;) {
      const ended = k.call("wait4", [-1, word, WNOHANG, null], { allow: [ECHILD] }).value;
      if (ended <= 0) return status;
      if (ended === pid) status = exitStatus(word.u32(0));
    }
  });
}
