/**
 * A kernel whose calls are records: the executor runs them, and tests read them.
 *
 * Besides system calls, a program of records can stop and report, jump, and branch on a word. The executor
 * knows nothing else. A program that outlives tsrun, such as the one that waits for `start`, is made of these
 * too.
 * @module
 */

import { type Arg, type CallOptions, Kernel, type Result } from "./kernel.ts";
import type { SyscallName } from "./syscalls.ts";

/** A place in a program of records; see {@linkcode Recorder.place}. */
export class Label {
  /** Address of the record that it names; 0 until the batch with that record is handed over. */
  address = 0;
}

/** Where a record leads to, where that is not the next record. */
export interface Branches {
  /** After a negative result: `next` goes on; absent: stop and report. */
  onError?: Label | "next";
  /** After a result above zero; absent: the next record. */
  onPositive?: Label;
}

const NOTHING: readonly Arg[] = [];
const NO_LABELS: readonly Label[] = [];

/** What a record can be besides a system call. Only prepared commands (prepared.ts) compare and copy. */
export type OperationName = "stop" | "branch" | "compare" | "copy";

/** One record: a system call, or an operation that is none. */
export interface Op extends Branches {
  name: SyscallName | OperationName;
  args: readonly Arg[];
  options: CallOptions | undefined;
  /** The step that it is part of, for error messages. */
  doing: string;
  /** Labels that name this record. */
  labels: readonly Label[];
}

/** A kernel that records. */
export abstract class Recorder extends Kernel {
  /** Labels that the next record will get. */
  protected waiting: Label[] = [];

  /** Takes one record; returns its result. */
  protected abstract record(op: Op): Result;

  override call(name: SyscallName, args: readonly Arg[], options?: CallOptions & Branches): Result {
    const onError = options?.onError ?? (options?.allow === "any" ? "next" : undefined);
    return this.#record(name, args, options, onError, options?.onPositive);
  }

  /** Gives the next record a name. */
  place(label: Label): void {
    this.waiting.push(label);
  }

  /** Records a stop: the executor reports, and goes on behind it when it is told to. */
  stop(): Result {
    return this.#record("stop", NOTHING, undefined);
  }

  /** Records a jump to a label. */
  jump(to: Label): void {
    this.#record("branch", [1], undefined, undefined, to);
  }

  /** Records a branch on the sign of a word: of an earlier result, or of memory by a {@linkcode Load}. */
  branch(word: Arg, branches: Branches): Result {
    return this.#record("branch", [word], undefined, branches.onError, branches.onPositive);
  }

  /** Records an operation that is no system call. */
  protected operation(name: OperationName, args: readonly Arg[], branches: Branches): Result {
    return this.#record(name, args, undefined, branches.onError, branches.onPositive);
  }

  /**
   * Takes what is recorded for a program of its own, which runs when it is {@linkcode release released}:
   * calls can be made meanwhile. Nobody drives it, so each of its records has to say where a failure leads.
   *
   * @returns The program, for `release`.
   */
  program(): number {
    return 0;
  }

  /** Starts a program and never hears of it again: it ends in execve or exit. */
  release(_program: number): void {}

  #record(
    name: Op["name"],
    args: readonly Arg[],
    options: CallOptions | undefined,
    onError?: Op["onError"],
    onPositive?: Label,
  ): Result {
    // Labels that are placed later are not this record's.
    const labels = this.waiting.length > 0 ? this.waiting : NO_LABELS;
    if (labels.length > 0) this.waiting = [];
    return this.record({
      name,
      args,
      options,
      doing: options?.doing ?? this.doing,
      labels,
      onError,
      onPositive,
    });
  }
}
