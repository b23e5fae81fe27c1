/**
 * The kernel, called from this process.
 * @module
 */

import {
  AddressOf,
  type Arg,
  type CallOptions,
  describeArgs,
  type Fd,
  inStep,
  isResult,
  Kernel,
  Load,
  OperationError,
  type Repair,
  type Result,
  Settled,
} from "./kernel.ts";
import { errno, libc } from "./libc.ts";
import { Memory } from "./memory.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";
import { EINTR } from "./errno.ts";
import { P_PID, POLLIN, WEXITED, WNOHANG, WNOWAIT } from "./constants.ts";
import { words32 } from "./structs.ts";

/** Bytes for the strings and structures of this process's own calls. */
const SIZE = 1 << 20;

/**
 * Bytes of poll(2)'s `struct pollfd`, and the offset of its events: the low half asks for events, the high
 * half says which happened.
 */
const POLLFD_SIZE = 8, POLLFD_EVENTS = 4;

/** Something that may end a blocking call. */
export interface Interruption {
  /** A descriptor that becomes readable when {@linkcode check} has something to look at. */
  readonly fd: number;
  /** Looks at it, and throws where the call is to end. */
  check(): void;
}

/** Makes every call at once. */
export class LocalKernel extends Kernel {
  readonly memory: Memory;
  /** Looked at when a signal has interrupted a call, and while {@linkcode LocalKernel.waitReadable} waits. */
  interruption: Interruption | undefined;
  /** Held here so that the garbage collector never frees memory that the kernel reads. */
  readonly #block: ArrayBuffer;

  constructor() {
    super();
    this.#block = new ArrayBuffer(SIZE);
    // Asks for errno's address now: asking for it later would be another call between the failed call and its
    // errno.
    errno();
    this.memory = new Memory(
      this.#block,
      Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#block))),
    );
  }

  /** Makes the call. After EINTR (signal(7)) it makes it again, unless {@linkcode interruption} throws. */
  override call(name: SyscallName, args: readonly Arg[], options?: CallOptions): Result {
    const top = this.memory.top;
    try {
      const number = syscallNumber(name);
      const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args.map((arg) => this.#word(arg));
      for (;;) {
        const value = libc().syscall(number, a, b, c, d, e, f);
        if (value !== -1) return new Settled(value);
        const error = errno();
        if (error === EINTR) {
          this.interruption?.check();
          continue;
        }
        if (options?.allow === "any" || options?.allow?.includes(error)) return new Settled(-error);
        const answer = this.#repair(options?.repair, error);
        if (answer === "retry") continue;
        if (answer === "skip") return new Settled(-error);
        if (answer !== undefined) return new Settled(answer.answer);
        const doing = options?.doing ?? this.doing;
        throw new OperationError(name, error, options?.doing ? "" : describeArgs(args), doing);
      }
    } finally {
      this.memory.release(top);
    }
  }

  /**
   * close(2). Linux frees the descriptor even when the call fails. The answer is about earlier reads and
   * writes.
   */
  override close(fd: Fd): Result {
    return this.call("close", [fd], { allow: "any" });
  }

  /**
   * Waits until one of the descriptors has something to read, or its other end is gone, by ppoll(2).
   *
   * A signal that comes right before a blocking call, or on another thread, does not interrupt that call. A
   * call that may take long is therefore preceded by this wait, which also waits for the interruption's
   * descriptor.
   *
   * @returns For each descriptor the events that poll(2) reports, 0 for none.
   */
  waitReadable(...fds: number[]): number[] {
    return this.scratch(() => {
      const all = this.interruption ? [...fds, this.interruption.fd] : fds;
      const poll = this.buffer(all.length * POLLFD_SIZE);
      poll.bytes.set(words32(...all.flatMap((fd) => [fd, POLLIN])));
      for (;;) {
        this.call("ppoll", [poll, all.length, null, null, 8]);
        const events = fds.map((_, i) => poll.u32(i * POLLFD_SIZE + POLLFD_EVENTS) >>> 16);
        if (events.some((happened) => happened !== 0)) return events;
        this.interruption?.check();
      }
    });
  }

  /** Waits for a child that has ended or is about to: wait4(2). */
  reap(pid: number): void {
    this.call("wait4", [pid, null, 0, null], { allow: "any" });
  }

  /**
   * Whether a process is a child of this one, dead or alive: what other processes can write to may say any
   * pid.
   */
  isChild(pid: number): boolean {
    const options = WEXITED | WNOHANG | WNOWAIT;
    return this.call("waitid", [P_PID, pid, null, options, null], { allow: "any" }).wait() >= 0;
  }

  #repair(repair: Repair | undefined, error: number): ReturnType<Repair> | undefined {
    try {
      return repair?.(error);
    } catch (failure) {
      throw inStep(failure, this.doing);
    }
  }

  override reusing<T>(step: () => T): T {
    return this.scratch(step);
  }

  /** Runs `use` and frees every buffer that it allocated. */
  scratch<T>(use: () => T): T {
    const top = this.memory.top;
    try {
      return use();
    } finally {
      this.memory.release(top);
    }
  }

  #word(arg: Arg): number {
    if (arg instanceof Load) return arg.buffer.u64(0);
    if (arg instanceof AddressOf) throw new TypeError("a result of this process has no address");
    return isResult(arg) ? arg.wait() : this.memory.encode(arg);
  }
}

let kernel: LocalKernel | undefined;

/** This process's kernel, made at its first use. */
export function local(): LocalKernel {
  kernel ??= new LocalKernel();
  return kernel;
}

/** This process's kernel where it has been made: to make it takes 1 ms, which some commands never need. */
export function madeLocal(): LocalKernel | undefined {
  return kernel;
}
