/**
 * Supervision in the foreground: passes signals on to the container's process, reaps children, returns its
 * exit status.
 * @module
 */

import { exitStatus, reapOne } from "../../ffi/wait.ts";
import { PR_SET_CHILD_SUBREAPER, SIGCHLD, SIGWINCH } from "../../ffi/constants.ts";
import { ESRCH } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { SignalRelay } from "../../ffi/signal_relay.ts";
import type { Terminal } from "../features/terminal/terminal.ts";
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

/** How a command that runs a container ends. */
export interface Staying {
  /** Return as soon as the container's processes run. */
  detach: boolean;
  /** Leave orphans of the container to the next reaper above. */
  noSubreaper: boolean;
}

/**
 * The supervisor of a command that stays until the container ends, and takes its orphans over; undefined for
 * one that does not stay. A command calls this before it makes anything, so that no signal meant for the
 * container is lost.
 */
export function superviseContainer(k: LocalKernel, { detach, noSubreaper }: Staying): Supervisor | undefined {
  if (detach) return undefined;
  const supervisor = new Supervisor(k);
  if (!noSubreaper) k.prctl(PR_SET_CHILD_SUBREAPER, 1);
  return supervisor;
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
   * The caller's side of the process's terminal. Most processes have none, and do not need the code.
   *
   * @param master The terminal's master, which the result owns; negative where there is none.
   */
  async terminal(master: number): Promise<Terminal | undefined> {
    if (master < 0) return undefined;
    return new (await import("../features/terminal/terminal.ts")).Terminal(this.k, master, this);
  }

  /** As {@linkcode wait}; meanwhile the terminal is copied, until all output is written. */
  async attend(pid: number, terminal: Terminal | undefined): Promise<number> {
    // The copy begins before the wait, because a process that has been waited for cannot be looked at.
    terminal?.attach(pid);
    const status = await this.wait(pid);
    await terminal?.drained();
    return status;
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
