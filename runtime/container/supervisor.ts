/**
 * Supervision in the foreground: passes signals on to the container's process, reaps children, returns its
 * exit status.
 * @module
 */

import { exitStatus, reapOne } from "../../ffi/wait.ts";
import { SIGCHLD, SIGWINCH } from "../../ffi/constants.ts";
import { ESRCH } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { SignalRelay } from "../../ffi/signal_relay.ts";
import { PollSet } from "../host/poll.ts";

const LAST_SIGNAL = 64;
/** SIGHUP, SIGINT, SIGQUIT and SIGTERM. */
const ENDING: readonly number[] = [1, 2, 3, 15];

/**
 * Signals that are not passed on. SIGKILL and SIGSTOP cannot be caught, and 32 and 33 are glibc's own. By
 * SIGILL, SIGBUS, SIGFPE and SIGSEGV the kernel reports a fault of tsrun itself, which must end it. runc
 * keeps SIGURG to itself.
 */
const KEPT: readonly number[] = [4, 7, 8, 9, 11, 19, 23, 32, 33];

/** All signals that are passed on, and SIGCHLD. */
export function caughtSignals(): number[] {
  const signals: number[] = [];
  for (let signal = 1; signal <= LAST_SIGNAL; signal++) if (!KEPT.includes(signal)) signals.push(signal);
  return signals;
}

/** Listens from its construction on. Signals that come before the process exists are kept for it. */
export class Supervisor {
  readonly relay: SignalRelay;
  /**
   * Called when the size of the caller's terminal changes, where the container's process is not signalled.
   */
  onResize: (() => void) | undefined;
  /** Whether the event loop has other work during the wait. */
  shared = false;

  constructor(readonly k: LocalKernel) {
    this.relay = new SignalRelay(k);
    this.relay.catch(caughtSignals(), false);
  }

  /**
   * Waits until a child has ended. Meanwhile it passes signals on to the child, and reaps every other child.
   *
   * @param pid The container's init, or a process of `exec`; a child of this process.
   * @returns Its exit status.
   */
  async wait(pid: number): Promise<number> {
    // A wait on another thread costs 0.5 ms, and is needed only where the event loop has work.
    const alone = !this.shared && this.onResize === undefined;
    const poll = new PollSet(this.k, [this.relay.fd]);
    for (;;) {
      for (const signal of this.relay.take()) this.#pass(signal, pid);
      // This is asked every time: many children that end at once send one signal, and it may have come before
      // anything listened.
      const status = reapAll(this.k, pid);
      if (status !== undefined) return status;
      if (alone) this.relay.wait();
      else await poll.inBackground();
    }
  }

  /**
   * Waits for a signal that asks a program to end, after the process that it could be passed on to has ended.
   */
  async askedToEnd(): Promise<void> {
    const poll = new PollSet(this.k, [this.relay.fd]);
    while (!this.relay.take().some((signal) => ENDING.includes(signal))) {
      await poll.inBackground();
    }
  }

  #pass(signal: number, pid: number): void {
    if (signal === SIGCHLD) return;
    if (signal === SIGWINCH && this.onResize) this.onResize();
    else this.k.kill(pid, signal, { allow: [ESRCH] });
  }
}

/** Reaps all children that have ended. Returns the exit status of `pid` if it was among them. */
function reapAll(k: LocalKernel, pid: number): number | undefined {
  let status: number | undefined;
  for (let ended = reapOne(k); ended !== undefined; ended = reapOne(k)) {
    if (ended.pid === pid) status = exitStatus(ended.status);
  }
  return status;
}
