/**
 * The kernel that only records. Unit tests read what container logic would do, without root.
 * @module
 */

import {
  type Arg,
  describeArgs,
  inStep,
  isResult,
  OperationError,
  type Repair,
  type Result,
  Settled,
} from "./kernel.ts";
import { Memory } from "./memory.ts";
import { type Op, Recorder } from "./recorder.ts";
import type { SyscallName } from "./syscalls.ts";

/**
 * What a dry kernel keeps of a call: its name and its arguments. A result among them is shown as its value.
 */
export interface Call {
  name: Op["name"];
  args: readonly Arg[];
  doing: string;
}

/** A script's answer to a call. A negative errno makes the call fail; undefined gives the default answer. */
export type Answer = (name: Op["name"], args: readonly Arg[]) => number | undefined;

const OPENERS: ReadonlySet<string> = new Set(
  [
    "openat",
    "openat2",
    "fsopen",
    "fsmount",
    "open_tree",
    "socket",
    "memfd_create",
    "pidfd_open",
  ] satisfies SyscallName[],
);

/**
 * Records calls and answers them from a script.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DryKernel } from "./dry.ts";
 * const kernel = new DryKernel();
 * kernel.chdir("/tmp");
 * assertEquals(kernel.lines()[0], 'chdir "/tmp"');
 * ```
 */
export class DryKernel extends Recorder {
  readonly calls: Call[] = [];
  #nextFd = 100;

  /**
   * @param answer Answers calls; by default everything succeeds, and descriptors count up from 100.
   * @param memory Its arena. Many kernels, one after the other, may have the same.
   */
  constructor(
    readonly answer: Answer = () => undefined,
    readonly memory: Memory = new Memory(new ArrayBuffer(1 << 20), 0x10000000),
  ) {
    super();
  }

  protected override record(op: Op): Result {
    const args = op.args.map((arg) => isResult(arg) ? arg.wait() : arg);
    for (;;) {
      this.calls.push({ name: op.name, args, doing: op.doing });
      const value = this.answer(op.name, args) ?? (OPENERS.has(op.name) ? this.#nextFd++ : 0);
      if (value >= 0 || op.onError !== undefined || op.options?.allow === "any") return new Settled(value);
      if (op.options?.allow?.includes(-value)) return new Settled(value);
      const answer = this.#repair(op, -value);
      if (answer === "skip") return new Settled(value);
      if (typeof answer === "object") return new Settled(answer.answer);
      if (answer === undefined) {
        throw new OperationError(
          op.name as SyscallName,
          -value,
          op.options?.doing ? "" : describeArgs(op.args),
          op.doing,
        );
      }
    }
  }

  #repair(op: Op, errno: number): ReturnType<Repair> | undefined {
    try {
      return op.options?.repair?.(errno);
    } catch (error) {
      throw inStep(error, op.doing);
    }
  }

  /** The calls as lines: name, then arguments as JSON; structures as their words. */
  lines(): string[] {
    return this.calls.map(({ name, args }) => [name, ...args.map((arg) => show(arg))].join(" "));
  }
}

function show(arg: Arg): string {
  if (arg instanceof Uint8Array) return JSON.stringify(new TextDecoder().decode(arg));
  return typeof arg === "object" && arg !== null && ("address" in arg || "buffer" in arg)
    ? "buffer"
    : JSON.stringify(arg, (_, item) => typeof item === "bigint" ? `${item}n` : item);
}
