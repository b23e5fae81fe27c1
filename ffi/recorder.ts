/**
 * A kernel whose calls are records: what the executor runs, and what tests read.
 *
 * Beside system calls a program of records can stop (and report), go elsewhere, and branch on a word. That is all
 * the executor knows; a program that outlives tsrun, such as the one that waits for `start`, is made of it.
 * @module
 */

import { type Arg, type CallOptions, Kernel, type Result } from "./kernel.ts";
import type { SyscallName } from "./syscalls.ts";

/** A place in a program of records; see {@linkcode Recorder.place}. */
export class Label {
  /** Address of the record it names, 0 until the batch that holds it is submitted. */
  address = 0;
}

/** Where a record leads, when not to the next one. */
export interface Branches {
  /** On a negative result. `next` goes on; absent: stop and report. */
  onError?: Label | "next";
  /** On a result above zero; absent: the next record. */
  onPositive?: Label;
}

const NOTHING: readonly Arg[] = [];

/** One record: a system call, or one of the two operations that are not. */
export interface Op extends Branches {
  name: SyscallName | "stop" | "branch";
  args: readonly Arg[];
  options: CallOptions | undefined;
  /** The step that it is part of, for error messages. */
  doing: string;
  /** Labels that stand at this record. */
  labels: readonly Label[];
}

/** A kernel that records. */
export abstract class Recorder extends Kernel {
  /** Labels that are placed at the next record. */
  protected waiting: Label[] = [];

  /** Takes one record; returns its result. */
  protected abstract record(op: Op): Result;

  override call(name: SyscallName, args: readonly Arg[], options?: CallOptions & Branches): Result {
    const onError = options?.onError ?? (options?.allow === "any" ? "next" : undefined);
    return this.#record(name, args, options, onError, options?.onPositive);
  }

  /** Names the next record. */
  place(label: Label): void {
    this.waiting.push(label);
  }

  /** Stops and reports; goes on behind it when told to. */
  stop(): Result {
    return this.#record("stop", NOTHING, undefined);
  }

  /** Goes to a label. */
  jump(to: Label): void {
    this.#record("branch", [1], undefined, undefined, to);
  }

  /** Goes elsewhere depending on the sign of a word: an earlier result, or memory by a {@linkcode Load}. */
  branch(word: Arg, branches: Branches): Result {
    return this.#record("branch", [word], undefined, branches.onError, branches.onPositive);
  }

  /**
   * Takes what is recorded for a program of its own, which runs when it is {@linkcode release released}: calls can be
   * made meanwhile. Nobody drives it, so each of its records has to say where a failure leads.
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
    const labels = this.waiting;
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
