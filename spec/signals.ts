/**
 * Signals: signal(7) (the numbers are the same on x86-64 and aarch64).
 *
 * @module
 */
import { lookup } from "./tables.ts";

/**
 * Signal names without `SIG`, and their numbers. If a signal has several names, the usual one comes first.
 */
export const SIGNALS = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
  UNUSED: 31,
} as const;

/** First real-time signal that the C library leaves to programs. */
export const SIGRTMIN = 34;

/** Last real-time signal, and the last of all signals. */
export const SIGRTMAX = 64;

/**
 * Number of a signal given as a name (`KILL`, `SIGKILL`, in any case), as `RTMIN+n` or `RTMAX-n`, or as a
 * number.
 *
 * @returns The number, 0 (which only tests for the process) to 64, or undefined when there is no such signal.
 */
export function signalNumber(text: string): number | undefined {
  if (/^\d{1,2}$/.test(text)) {
    const number = Number(text);
    return number <= SIGRTMAX ? number : undefined;
  }
  const name = text.toUpperCase().replace(/^SIG/, "");
  const realTime = /^RT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (!realTime) return lookup(SIGNALS, name);
  const number = name.startsWith("RTMIN")
    ? SIGRTMIN + Number(realTime[1] ?? 0)
    : SIGRTMAX - Number(realTime[2] ?? 0);
  return number >= SIGRTMIN && number <= SIGRTMAX ? number : undefined;
}

/** Name of a signal with `SIG`, such as SIGKILL or SIGRTMIN+1; the number itself where there is no name. */
export function signalName(number: number): string {
  for (const [name, value] of Object.entries(SIGNALS)) if (value === number) return `SIG${name}`;
  if (number < SIGRTMIN || number > SIGRTMAX) return String(number);
  return number === SIGRTMIN ? "SIGRTMIN" : `SIGRTMIN+${number - SIGRTMIN}`;
}
