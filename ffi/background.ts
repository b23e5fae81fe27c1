/**
 * System calls on another thread, for those that may block: the event loop, and with it signals, goes on meanwhile.
 *
 * A call takes about 40 µs more this way than by {@linkcode ./local.ts}.
 * @module
 */

import { type SyscallName, syscallNumber } from "./syscalls.ts";

const SYMBOLS = {
  // long syscall(long number, ...);
  syscall: { parameters: ["i32", "i64", "i64", "i64", "i64", "i64"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** The symbol as it is: 64-bit parameters take plain numbers. */
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
 * Makes a call on a thread of Deno's pool.
 *
 * @param args Numbers: descriptors, lengths, addresses of memory that must stay until the promise is settled.
 * @returns The result, -1 for a failure; why it failed is known to the other thread only.
 */
export function inBackground(
  name: SyscallName,
  [a = 0, b = 0, c = 0, d = 0, e = 0]: readonly number[],
): Promise<number> {
  bound ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols.syscall as unknown as BackgroundCall;
  return bound(syscallNumber(name), a, b, c, d, e);
}
