/**
 * System calls on another thread, for calls that may block: the event loop, and with it the handling of
 * signals, goes on meanwhile.
 *
 * A call takes about 40 µs more this way than by {@linkcode ./local.ts}.
 * @module
 */

import { local } from "./local.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";

const SYMBOLS = {
  // long syscall(long number, ...);
  syscall: { parameters: ["i32", "i64", "i64", "i64", "i64", "i64"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The bound symbol. Its 64-bit parameters take plain numbers. */
type BackgroundCall = (
  number: number,
  a: number,
  b: number,
  c: number,
  d: number,
  e: number,
) => Promise<number>;

let bound: BackgroundCall | undefined;

/**
 * Signals that Deno handles without being asked. It sets the handlers half a second after its event loop has
 * begun to turn: SIGUSR1 then opens a debugger's port, and the others end the program, even if something
 * listened to them before.
 */
const SEIZED = { SIGHUP: 1, SIGINT: 2, SIGUSR1: 10, SIGTERM: 15 } as const;
/** Bytes of the kernel's `struct sigaction`. */
const SIGACTION_SIZE = 32;

/** Whether this program keeps its own actions for signals; see {@linkcode keepSignals}. */
let kept = true;

/**
 * Leaves all signals to Deno from here on. A program that uses tsrun as a library calls this: {@linkcode
 * keepSignals} would take its own listeners away.
 */
export function leaveSignals(): void {
  kept = false;
}

/**
 * Makes a call on a thread of Deno's pool.
 *
 * @param args Numbers: descriptors, lengths, addresses of memory that must stay until the promise is settled.
 * @returns The result, -1 for a failure; why it failed is known to the other thread only.
 */
export function inBackground(
  name: SyscallName,
  [a = 0, b = 0, c = 0, d = 0, e = 0]: readonly number[],
): Promise<number> {
  return prepareBackground()(syscallNumber(name), a, b, c, d, e);
}

/**
 * Binds the background call, which takes a millisecond. The first background call binds it too, but a signal
 * may end the program during that millisecond. A command that handles signals therefore calls this function
 * before it makes anything.
 */
export function prepareBackground(): BackgroundCall {
  if (bound === undefined) {
    if (kept) keepSignals();
    bound = Deno.dlopen("libc.so.6", SYMBOLS).symbols.syscall as unknown as BackgroundCall;
  }
  return bound;
}

/** Makes Deno set its handlers now, because it sets each only once, and restores the actions of before. */
function keepSignals(): void {
  const k = local();
  k.scratch(() => {
    const actions = Object.values(SEIZED).map((signal) => {
      const action = k.buffer(SIGACTION_SIZE);
      k.call("rt_sigaction", [signal, null, action, 8]);
      return { signal, action };
    });
    const names = Object.keys(SEIZED) as (keyof typeof SEIZED)[];
    const nothing = () => {};
    for (const name of names) Deno.addSignalListener(name, nothing);
    for (const { signal, action } of actions) k.call("rt_sigaction", [signal, action, null, 8]);
    for (const name of names) Deno.removeSignalListener(name, nothing);
  });
}
