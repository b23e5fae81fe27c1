/**
 * The kernel, called by another process: records go in batches to an executor (see init/executor.ts).
 *
 * Nothing runs until a result is read, {@linkcode RemoteKernel.flush} waits, or {@linkcode RemoteKernel.kick} hands
 * over what there is and goes on here, so that both processes work. A record that fails stops the executor there;
 * a repair can then mend what was missing by calls of its own and have the record run again.
 * @module
 */

import {
  AddressOf,
  type Arg,
  type Deadline,
  describeArgs,
  inStep,
  isResult,
  Load,
  OperationError,
  type Repair,
  type Result,
} from "./kernel.ts";
import type { Memory } from "./memory.ts";
import { type Label, type Op, Recorder } from "./recorder.ts";
import { syscallNumber } from "./syscalls.ts";

/** Bytes of a record; its layout is drawn in init/executor_x86_64.s. */
export const RECORD_SIZE = 80;
const MASK = 4, ARGUMENTS = 8, RESULT = 56, ON_ERROR = 64, ON_POSITIVE = 72;
/** Numbers of the two operations that are not system calls. */
const STOP = -1, BRANCH = -2;

/** The line to one executor. */
export interface Channel {
  /** Descriptors of its two ends: ours here, the executor's there. */
  readonly ours: number;
  readonly theirs: number;
  /** Starts it at a record. */
  send(address: number): void;
  /** Waits until it stops; tells at which record. Throws when the executor is gone. */
  receive(): number;
  /** Whether {@linkcode receive} would answer at once, or within so many milliseconds. */
  ready(milliseconds?: number): boolean;
}

/** A result that is there once its batch has run. */
class RemoteResult implements Result {
  /** Address of the word that will hold it, 0 until submitted. */
  slot = 0;
  settled = false;
  #value = 0;

  constructor(readonly kernel: RemoteKernel) {}

  settle(value: number): void {
    this.#value = value;
    this.settled = true;
  }

  get value(): number {
    if (!this.settled) this.kernel.flush();
    return this.#value;
  }
}

/** A label's address; a label is placed in the batch that uses it, or in one submitted before. */
function addressOf(label: Label | undefined): number {
  if (label === undefined) return 0;
  if (label.address === 0) throw new Error("a record leads to a label that was never placed");
  return label.address;
}

/** Where the executor finds an argument that is not known yet; undefined when it is known. */
function lateAddress(word: Word): number | undefined {
  if (typeof word === "number" || word instanceof AddressOf) return undefined;
  if (word instanceof Load) return word.buffer.address;
  return word.settled ? undefined : word.slot;
}

/** An argument that is known when the record is written. */
function wordNow(word: Word): number {
  if (typeof word === "number") return word;
  if (word instanceof AddressOf) return (word.result as RemoteResult).slot;
  return (word as RemoteResult).value;
}

/** An argument as it is recorded: a word, or where to find it. */
type Word = number | RemoteResult | Load | AddressOf;

/** A record that waits to be submitted, its memory already encoded. */
interface Entry {
  op: Op;
  words: readonly Word[];
  result: RemoteResult;
}

/** Records calls for one executor. */
export class RemoteKernel extends Recorder {
  #pending: Entry[] = [];
  /** What the executor is running, and the address of its first record. */
  #running: Entry[] = [];
  #base = 0;

  /**
   * @param memory The arena shared with the executor.
   * @param channel The line to it.
   */
  constructor(override readonly memory: Memory, readonly channel: Channel) {
    super();
  }

  protected override record(op: Op): Result {
    const result = new RemoteResult(this);
    this.#pending.push({ op, words: op.args.map((arg) => this.#word(arg)), result });
    return result;
  }

  /** Hands over what is recorded if the executor is idle, and does not wait. */
  override kick(): void {
    if (this.#running.length > 0 && this.channel.ready()) this.#await();
    if (this.#running.length === 0 && this.#pending.length > 0) this.channel.send(this.#submit(true));
  }

  /**
   * Runs everything recorded so far and waits for it.
   *
   * @throws {OperationError} For the first call that failed; what was recorded behind it is dropped.
   */
  override flush(deadline?: Deadline): void {
    if (this.#running.length > 0) this.#await();
    if (this.#pending.length === 0) return;
    this.channel.send(this.#submit(true));
    if (deadline && !this.channel.ready(deadline.milliseconds)) throw new Error(deadline.otherwise);
    this.#await();
  }

  /** Writes the recorded program without starting it; returns where it begins. The executor will report its end. */
  prepare(): number {
    return this.#submit(true);
  }

  /** Starts the recorded program and never hears of it again: it ends in execve or exit. */
  override release(): void {
    const start = this.#submit(false);
    this.#running = [];
    this.channel.send(start);
  }

  /** Copies the pending records behind one another into memory; `report` adds a stop at the end. */
  #submit(report: boolean): number {
    if (report) this.stop();
    const entries = this.#pending;
    this.#pending = [];
    this.#base = this.memory.reserve(entries.length * RECORD_SIZE);
    entries.forEach((entry, i) => {
      entry.result.slot = this.#base + i * RECORD_SIZE + RESULT;
      for (const label of entry.op.labels) label.address = this.#base + i * RECORD_SIZE;
    });
    entries.forEach((entry, i) => this.#write(entry, this.#base + i * RECORD_SIZE));
    this.#running = entries;
    return this.#base;
  }

  #word(arg: Arg): Word {
    if (arg instanceof Load || arg instanceof AddressOf) return arg;
    if (arg instanceof RemoteResult) return arg.settled ? arg.value : arg;
    return isResult(arg) ? arg.value : this.memory.encode(arg);
  }

  /** Writes a record. The arena is never used twice and begins as zeros, so only what is not zero is written. */
  #write({ op, words }: Entry, record: number): void {
    const { memory } = this;
    const { view } = memory;
    const at = record - memory.base;
    let mask = 0;
    for (let i = 0; i < words.length; i++) {
      const word = words[i];
      if (word === 0) continue;
      const address = lateAddress(word);
      if (address !== undefined) mask |= 1 << i;
      const value = address ?? wordNow(word);
      if (value >= 0 && value <= 0xffff_ffff) view.setUint32(at + ARGUMENTS + i * 8, value, true);
      else memory.setU64(record + ARGUMENTS + i * 8, value);
    }
    view.setInt32(
      at,
      op.name === "stop" ? STOP : op.name === "branch" ? BRANCH : syscallNumber(op.name),
      true,
    );
    if (mask !== 0) view.setUint32(at + MASK, mask, true);
    const { onError, onPositive } = op;
    if (onError !== undefined) {
      view.setUint32(at + ON_ERROR, onError === "next" ? record + RECORD_SIZE : addressOf(onError), true);
    }
    if (onPositive !== undefined) view.setUint32(at + ON_POSITIVE, addressOf(onPositive), true);
  }

  /** Waits for the end of what runs, mending or allowing what stops it on the way. */
  #await(): void {
    const entries = this.#running, base = this.#base;
    for (;;) {
      const stopped = (this.channel.receive() - base) / RECORD_SIZE;
      const entry = entries[stopped];
      if (entry === undefined) {
        throw new Error(`the executor stopped outside its batch, at record ${stopped}`);
      }
      if (entry.op.name === "stop") break;
      const again = this.#failed(entry, base + stopped * RECORD_SIZE);
      this.channel.send(base + (stopped + (again ? 0 : 1)) * RECORD_SIZE);
    }
    this.#running = [];
    for (const { result } of entries) result.settle(this.memory.getI64(result.slot));
  }

  /** Deals with a record that failed; tells whether to run it again. */
  #failed({ op, result }: Entry, address: number): boolean {
    const errno = -this.memory.getI64(address + RESULT);
    const { options } = op;
    if (options?.allow !== "any" && options?.allow?.includes(errno)) return false;
    if (options?.repair) {
      try {
        // The step that is being done here meanwhile is another one.
        return this.during(op.doing, () => this.#repair(options.repair!, errno, address));
      } catch (error) {
        this.#pending = [];
        throw inStep(error, op.doing);
      }
    }
    this.#settleUntil(address);
    this.#running = [];
    this.#pending = [];
    result.settle(-errno);
    throw new OperationError(op.name, errno, options?.doing ? "" : describeArgs(op.args), op.doing);
  }

  /** Takes in the results of what stands before a record. */
  #settleUntil(address: number): void {
    for (const { result } of this.#running) {
      if (result.slot < address) result.settle(this.memory.getI64(result.slot));
    }
  }

  /** Lets a repair make its own calls while the batch that it mends stands still. */
  #repair(repair: Repair, errno: number, address: number): boolean {
    const running = this.#running, pending = this.#pending, base = this.#base;
    // Results of records that have already run are wanted by repairs: descriptors, mostly.
    this.#settleUntil(address);
    this.#running = [];
    this.#pending = [];
    const answer = repair(errno);
    this.flush();
    this.#running = running;
    this.#pending = pending;
    this.#base = base;
    return answer === "retry";
  }
}
