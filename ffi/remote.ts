/**
 * The kernel, called by another process: records go in batches to an executor (see init/executor.ts).
 *
 * Nothing runs until a result is read, {@linkcode RemoteKernel.flush} waits, or {@linkcode RemoteKernel.kick} hands
 * over what there is and goes on here, so that both processes work. A record that fails stops the executor there;
 * a repair can then mend what was missing by calls of its own and have the record run again.
 * @module
 */

import { TsrunError } from "./errors.ts";
import {
  AddressOf,
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
/** Bytes of memory that are taken for records at a time. */
const PIECE = 1024 * RECORD_SIZE;
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

/** A record, and the result that is there once its batch has run. */
class RemoteResult implements Result {
  settled = false;
  #value = 0;

  /**
   * @param kernel Whose record it is.
   * @param op What is recorded, for errors and repairs.
   * @param address Address of the record.
   */
  constructor(readonly kernel: RemoteKernel, readonly op: Op, readonly address: number) {}

  /** Address of the word that will hold the result. */
  get slot(): number {
    return this.address + RESULT;
  }

  settle(value: number): void {
    this.#value = value;
    this.settled = true;
  }

  wait(): number {
    if (!this.settled) this.kernel.flush();
    return this.#value;
  }
}

/** A word of a record that is to hold a label's address. */
interface Reference {
  label: Label;
  /** Byte offset of the word in the memory. */
  at: number;
}

/** Something else than the executor has written to the line. */
function outsideBatch(stopped: number): TsrunError {
  return new TsrunError({
    code: "EPROTO_INIT_STAGE",
    operation: "hear from the init stage",
    reason: `it stopped outside its batch, at ${stopped}`,
  });
}

/** Records calls for one executor. */
export class RemoteKernel extends Recorder {
  #pending: RemoteResult[] = [];
  /** What the executor is running. */
  #running: RemoteResult[] = [];
  /** Words of pending records that lead to labels which were not placed when they were written. */
  #references: Reference[] = [];
  /** Where strings are that have been copied in: calls only read them. */
  readonly #strings = new Map<string, number>();
  /** Where the next record goes, and where the records' memory ends. */
  #next = 0;
  #end = 0;

  /**
   * @param memory The arena shared with the executor.
   * @param channel The line to it.
   */
  constructor(override readonly memory: Memory, readonly channel: Channel) {
    super();
  }

  protected override record(op: Op): Result {
    const from = this.#next;
    if (this.#makeRoom() && this.#pending.length > 0) this.#bridge(from, this.#next);
    const result = new RemoteResult(this, op, this.#next);
    this.#next += RECORD_SIZE;
    for (const label of op.labels) label.address = result.address;
    this.#write(op, result.address);
    this.#pending.push(result);
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
    if (deadline && !this.channel.ready(deadline.milliseconds)) throw new TsrunError(deadline.otherwise);
    this.#await();
  }

  /** Writes the recorded program without starting it; returns where it begins. The executor will report its end. */
  prepare(): number {
    return this.#submit(true);
  }

  override program(): number {
    if (this.#running.length > 0) this.#await();
    for (const { op } of this.#pending) {
      if (op.onError !== undefined || op.name === "branch" || op.name === "exit_group") continue;
      // It would report to nobody, and wait for ever.
      throw new Error(`${op.name} of a program that nobody drives leads nowhere when it fails`);
    }
    const start = this.#submit(false);
    this.#running = [];
    return start;
  }

  override release(program: number): void {
    this.flush();
    this.channel.send(program);
  }

  /** Ends the batch of pending records; `report` adds a stop. Returns where it begins. */
  #submit(report: boolean): number {
    if (report) this.stop();
    const { view } = this.memory;
    for (const { label, at } of this.#references) {
      if (label.address === 0) throw new Error("a record leads to a label that was never placed");
      view.setUint32(at, label.address, true);
    }
    this.#references = [];
    this.#running = this.#pending;
    this.#pending = [];
    return this.#running[0].address;
  }

  /** Sees to room for a record, and for one behind it that leads elsewhere; tells whether that is in a new place. */
  #makeRoom(): boolean {
    if (this.#next + 2 * RECORD_SIZE <= this.#end) return false;
    this.#next = this.memory.reserve(PIECE);
    this.#end = this.#next + PIECE;
    return true;
  }

  /** Writes a record that leads to another. */
  #bridge(from: number, to: number): void {
    const { view, base } = this.memory;
    view.setInt32(from - base, BRANCH, true);
    view.setUint32(from - base + ARGUMENTS, 1, true);
    view.setUint32(from - base + ON_POSITIVE, to, true);
  }

  /**
   * Writes a record. Its memory is never used twice and begins as zeros, so only what is not zero is written. What is
   * not known yet is a word elsewhere, which the executor reads when it comes to the record.
   */
  #write({ name, args, onError, onPositive }: Op, record: number): void {
    const { memory } = this;
    const { view } = memory;
    const at = record - memory.base;
    let mask = 0;
    for (let i = 0; i < args.length; i++) {
      const arg = args[i];
      let word: number;
      if (typeof arg === "number") {
        word = arg;
      } else if (typeof arg === "string") {
        word = this.#string(arg);
      } else if (arg instanceof RemoteResult && !arg.settled) {
        word = arg.slot;
        mask |= 1 << i;
      } else if (arg instanceof Load) {
        word = arg.buffer.address;
        mask |= 1 << i;
      } else if (arg instanceof AddressOf) word = (arg.result as RemoteResult).slot;
      else word = isResult(arg) ? arg.wait() : memory.encode(arg);
      if (word === 0) continue;
      if (word > 0 && word <= 0xffff_ffff) view.setUint32(at + ARGUMENTS + i * 8, word, true);
      else memory.setU64(record + ARGUMENTS + i * 8, word);
    }
    view.setInt32(at, name === "stop" ? STOP : name === "branch" ? BRANCH : syscallNumber(name), true);
    if (mask !== 0) view.setUint32(at + MASK, mask, true);
    if (onError === "next") view.setUint32(at + ON_ERROR, record + RECORD_SIZE, true);
    else if (onError !== undefined) this.#refer(onError, at + ON_ERROR);
    if (onPositive !== undefined) this.#refer(onPositive, at + ON_POSITIVE);
  }

  /** Copies a string in where it is not there yet: to copy one takes 1.8 µs, and a third of them are empty. */
  #string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    const address = this.memory.string(text);
    this.#strings.set(text, address);
    return address;
  }

  #refer(label: Label, at: number): void {
    if (label.address !== 0) this.memory.view.setUint32(at, label.address, true);
    else this.#references.push({ label, at });
  }

  /** Waits for the end of what runs, mending or allowing what stops it on the way. */
  #await(): void {
    const running = this.#running;
    for (;;) {
      const stopped = this.channel.receive();
      // Nearly always the last: the stop of the batch.
      const result = running.findLast(({ address }) => address === stopped);
      if (result === undefined) throw outsideBatch(stopped);
      if (result.op.name === "stop") break;
      const again = this.#failed(result);
      this.channel.send(stopped + (again ? 0 : RECORD_SIZE));
    }
    this.#running = [];
    for (const result of running) result.settle(this.memory.getI64(result.slot));
  }

  /** Deals with a record that failed; tells whether to run it again. */
  #failed(result: RemoteResult): boolean {
    const { op, address } = result;
    const errno = -this.memory.getI64(result.slot);
    const { options } = op;
    if (options?.allow !== "any" && options?.allow?.includes(errno)) return false;
    if (options?.repair) {
      try {
        // The step that is being done here meanwhile is another one.
        return this.during(op.doing, () => this.#repair(options.repair!, errno, address));
      } catch (error) {
        this.#drop();
        throw inStep(error, op.doing);
      }
    }
    this.#settleUntil(address);
    this.#running = [];
    this.#drop();
    result.settle(-errno);
    throw new OperationError(op.name, errno, options?.doing ? "" : describeArgs(op.args), op.doing);
  }

  /** Forgets what is recorded and not handed over. */
  #drop(): void {
    this.#pending = [];
    this.#references = [];
    this.waiting = [];
  }

  /** Takes in the results of what stands before a record. */
  #settleUntil(address: number): void {
    for (const result of this.#running) {
      if (result.address === address) return;
      result.settle(this.memory.getI64(result.slot));
    }
  }

  /** Lets a repair make its own calls while the batch that it mends stands still. */
  #repair(repair: Repair, errno: number, address: number): boolean {
    const running = this.#running, pending = this.#pending, references = this.#references;
    const { waiting } = this;
    // Results of records that have already run are wanted by repairs: descriptors, mostly.
    this.#settleUntil(address);
    this.#running = [];
    this.#drop();
    // Its records come to lie between those that are pending and those that will be. There is room: every record leaves
    // that of one more.
    const gap = this.#next;
    this.#next += RECORD_SIZE;
    const answer = repair(errno);
    this.flush();
    this.#makeRoom();
    this.#bridge(gap, this.#next);
    this.#running = running;
    this.#pending = pending;
    this.#references = references;
    this.waiting = waiting;
    return answer === "retry";
  }
}
