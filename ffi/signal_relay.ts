/**
 * Signals as bytes in a pipe: all signals, also the real-time ones, which Deno cannot listen to.
 *
 * Deno runs several threads and none of them blocks signals, so signalfd(2) would see few of them. Instead a
 * handler of nine instructions writes the number to a pipe, on whichever thread it runs. Measured: 1.4 ms for
 * 55 signals; Deno's own listeners take 0.9 ms for the 23 that they support, and one more thread.
 *
 * Sources: sigaction(2), signal-safety(7), pipe(7), and the kernel's `struct sigaction`.
 * @module
 */

import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  O_CLOEXEC,
  O_NONBLOCK,
  POLLIN,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SA_NOCLDSTOP,
  SA_RESTART,
  SA_RESTORER,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
} from "./constants.ts";
import { EAGAIN } from "./errno.ts";
import type { LocalKernel } from "./local.ts";
import { errno, libc } from "./libc.ts";
import { TsrunError } from "./errors.ts";
import { OperationError } from "./kernel.ts";
import { words32 } from "./structs.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";

/**
 * signal_relay_*.s, assembled. The last four bytes are the pipe. signal_relay_test.ts assembles them again.
 */
const CODE = {
  x86_64: "V7gBAAAAiz0TAAAASInmugEAAAAPBV/DuA8AAAAPBQAAAAA=",
  aarch64: "4A8f+AgIgNLAAAAY4QMAkSIAgNIBAADU/0MAkcADX9YAAAAA",
} as const;

/** Offset of the code that returns from a handler, in the code of x86-64. */
const RESTORER = 24;
const PAGE = 4096;
/**
 * Addresses for the code: below 2^31, because results of calls have 32 bits, and below the arenas
 * (init/image.ts).
 */
const HIGHEST = 0x0fff_0000, LOWEST = 0x0100_0000;
/** The most signals that are read at once. */
const BATCH = 256;

/** The code of the handler for an architecture. */
export function relayCode(arch: "x86_64" | "aarch64" = Deno.build.arch): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(CODE[arch]);
}

/** Sends signals to a pipe, from the moment when it is made. */
export class SignalRelay {
  /** The pipe's reading end, to be waited for by poll(2). */
  readonly fd: number;
  /** Signals that were ignored when the relay was made, as under nohup(1). */
  readonly ignored: Set<number> = new Set();
  readonly #handler: number;
  readonly #waiting: number[] = [];
  readonly #batch: Uint8Array;
  readonly #address: number;

  constructor(readonly kernel: LocalKernel) {
    const batch = kernel.buffer(BATCH);
    this.#batch = batch.bytes;
    this.#address = batch.address;
    // The batch first holds the descriptors of the pipe, and then an empty set of signals.
    quick("pipe2", batch.address, O_CLOEXEC | O_NONBLOCK);
    const read = this.fd = batch.i32(0), write = batch.i32(4);
    this.#handler = install(kernel, read, write);
    // The caller may have blocked signals, and Deno does not unblock them.
    this.#batch.fill(0, 0, 8);
    quick("rt_sigprocmask", SIG_SETMASK, batch.address, 0, 8);
  }

  /**
   * Catches signals.
   *
   * @param interrupt Whether a blocking call ends with EINTR (on the main thread, as a rule) or goes on.
   */
  catch(signals: readonly number[], interrupt: boolean): void {
    const { kernel: k } = this;
    const restart = SA_NOCLDSTOP + (interrupt ? 0 : SA_RESTART);
    const [flags, restorer] = Deno.build.arch === "x86_64"
      ? [restart + SA_RESTORER, this.#handler + RESTORER]
      : [restart, 0];
    for (const signal of setActions(k, signals, [this.#handler, flags, restorer, 2 ** 64])) {
      this.ignored.add(signal);
    }
  }

  /** Gives signals back their default action, except those that were ignored. */
  release(signals: readonly number[]): void {
    setActions(this.kernel, signals, [SIG_DFL, 0, 0, 0]);
    setActions(this.kernel, signals.filter((signal) => this.ignored.has(signal)), [SIG_IGN, 0, 0, 0]);
  }

  /** The signals that have come and have not been taken, in order. */
  peek(): readonly number[] {
    for (;;) {
      const got = this.kernel.call("read", [this.fd, this.#address, BATCH], { allow: [EAGAIN] }).wait();
      if (got > 0) this.#waiting.push(...this.#batch.subarray(0, got));
      if (got < BATCH) return this.#waiting;
    }
  }

  /** Takes the signals that have come, in order. */
  take(): number[] {
    this.peek();
    return this.#waiting.splice(0);
  }

  /** Waits until a signal has come. This thread does nothing else meanwhile. */
  wait(): void {
    this.kernel.call("ppoll", [words32(this.fd, POLLIN), 1, null, null, 8]);
  }
}

/**
 * Makes a call whose arguments are numbers and that has no reason to fail. It does without the steps of other
 * calls, each of which takes 50 µs the first time, because every create makes these calls.
 */
function quick(name: SyscallName, a: number, b: number, d = 0, e = 0, f = 0): void {
  if (tryQuick(name, a, b, d, e, f) === -1) throw new OperationError(name, errno(), "", "listen to signals");
}

function tryQuick(name: SyscallName, a: number, b: number, d = 0, e = 0, f = 0): number {
  return libc().syscall(syscallNumber(name), a, b, d, e, f, 0);
}

/** Sets the action of signals (the kernel's `struct sigaction`). Returns those that were ignored before. */
function setActions(k: LocalKernel, signals: readonly number[], action: readonly number[]): number[] {
  return k.scratch(() => {
    const old = k.buffer(32), address = k.memory.words(action);
    const { syscall } = libc(), number = syscallNumber("rt_sigaction");
    // The call is made by hand, as it is made for every signal: this takes a third of the time. It fails for
    // SIGKILL and SIGSTOP only.
    return signals.filter((signal) => {
      if (syscall(number, signal, address, old.address, 8, 0, 0) !== 0) {
        throw new OperationError("rt_sigaction", errno(), String(signal), "listen to signals");
      }
      return old.u32(0) === SIG_IGN;
    });
  });
}

/** Puts the handler's code into a page of its own that cannot be written afterwards. Returns its address. */
function install(k: LocalKernel, read: number, write: number): number {
  const code = relayCode();
  new DataView(code.buffer).setInt32(code.length - 4, write, true);
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  for (let address = HIGHEST; address > LOWEST; address -= PAGE) {
    if (tryQuick("mmap", address, PAGE, PROT_READ | PROT_WRITE, flags, -1) !== address) continue;
    // The pipe carries the bytes into the page, and is empty again afterwards.
    k.scratch(() => quick("write", write, k.memory.put(code), code.length));
    quick("read", read, address, code.length);
    quick("mprotect", address, PAGE, PROT_READ | PROT_EXEC);
    return address;
  }
  throw new TsrunError({
    code: "ENOMEM_SIGNAL_HANDLER",
    operation: "listen to signals",
    reason: "no room for the handler below 256 MiB of addresses",
  });
}
