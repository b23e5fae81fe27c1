/**
 * The kernel, called by another process. Records go in batches to an executor (see init/executor.ts).
 *
 * Nothing runs until a result is waited for, {@linkcode RemoteKernel.flush} waits, or {@linkcode
 * RemoteKernel.kick} hands over the batch and returns, so that both processes work. A record that fails stops
 * the executor. A repair can then mend the cause by calls of its own and have the record run again.
 * @module
 */

import type { Block, Tap } from "./block.ts";
import { type Channel, outsideBatch } from "./channel.ts";
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
import type { Buffer, Memory } from "./memory.ts";
import {
  ARGUMENTS,
  MASK,
  ON_ERROR,
  ON_POSITIVE,
  OPERATIONS,
  PIECE,
  RECORD_SIZE,
  RESULT,
  stopClocks,
  writeClock,
} from "./record.ts";
import { Label, type Op, Recorder } from "./recorder.ts";
import { RecordSpace } from "./record_space.ts";
import { RemoteResult } from "./remote_result.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";
import { type Driven, type Watched, watcher } from "./watch.ts";

export { type Channel, RECORD_SIZE };

/** A word of a record that will hold a label's address. */
interface Reference {
  label: Label;
  /** Byte offset of the word in the memory. */
  at: number;
}

/** The records as a watcher knows them. */
function watchedOf(results: readonly RemoteResult[]): Watched[] {
  return results.map(({ watched }) => watched).filter((watched) => watched !== undefined);
}

/** Records calls for one executor. */
export class RemoteKernel extends Recorder implements Driven {
  readonly subject = { name: "executor", pid: 0 };
  readonly #watch = watcher()?.drives(this);
  /** Records of programs, for the watcher. */
  readonly #programs = new Map<number, readonly Watched[]>();
  #pending: RemoteResult[] = [];
  /** The batch that the executor is running. */
  #running: RemoteResult[] = [];
  /** Words of pending records that lead to labels which had no address when the records were written. */
  #references: Reference[] = [];
  #tap: Tap | undefined;
  #blocks: Block[] = [];
  /** Addresses of strings that have been copied in. Calls only read them, so equal strings share one copy. */
  #strings = new Map<string, number>();
  /** Numbers of the calls and operations that have been recorded. */
  readonly #numbers = new Map<Op["name"], number>();
  readonly #space: RecordSpace;

  /**
   * @param memory The arena shared with the executor.
   * @param channel The line to it.
   * @param piece Records for which memory is reserved at a time.
   */
  constructor(override readonly memory: Memory, readonly channel: Channel, piece: number = PIECE) {
    super();
    this.#space = new RecordSpace(memory, piece);
  }

  /** Whether somebody follows every single record. */
  get watched(): boolean {
    return this.#watch !== undefined;
  }

  /** Runs a step. What it records goes to `tap`. */
  tapped<T>(tap: Tap, step: () => T): T {
    this.#tap = tap;
    try {
      return step();
    } finally {
      this.#tap = undefined;
    }
  }

  override buffer(size: number): Buffer {
    return this.#tap?.buffer(size) ?? super.buffer(size);
  }

  /** Records a jump to a block, and one from its end to what is recorded next. */
  include(block: Block): void {
    const entry = new Label();
    entry.address = block.start;
    this.jump(entry);
    this.#space.bridge(block.end, this.#space.next);
    this.#blocks.push(block);
  }

  protected override record(op: Op): Result {
    if (this.#tap) return this.#tap.record(op);
    const first = this.#pending.length === 0, watch = this.#watch;
    // A stop has no time of its own, and who waits for a report knows it by the address of its record.
    const timed = watch?.clocked === true && op.name !== "stop";
    const before = timed && (first || op.labels.length > 0) ? this.#clock(!first) : 0;
    const result = new RemoteResult(this, op, this.#space.allocate(!first || before !== 0));
    for (const label of op.labels) label.address = before || result.address;
    this.writeRecord(op, result.address);
    this.#pending.push(result);
    if (watch) {
      result.watched = { op, address: result.address, before, behind: 0 };
      watch.recorded(result.watched);
      if (timed) result.watched.behind = this.#clock(true);
    }
    return result;
  }

  #clock(follows: boolean): number {
    const address = this.#space.allocate(follows);
    writeClock(this.memory, address);
    return address;
  }

  /** Hands over what is recorded if the executor is idle, and does not wait. */
  override kick(): void {
    if (this.#running.length > 0 && this.channel.ready()) this.#await();
    if (this.#running.length === 0 && this.#pending.length > 0) this.channel.send(this.#submit(true));
  }

  /**
   * Runs everything recorded so far and waits for the end.
   *
   * @throws {OperationError} For the first call that failed. Records behind it are dropped.
   */
  override flush(deadline?: Deadline): void {
    if (this.#running.length > 0) this.#await();
    if (this.#pending.length === 0) return;
    this.channel.send(this.#submit(true));
    if (deadline && !this.channel.ready(deadline.milliseconds)) throw new TsrunError(deadline.otherwise);
    this.#await();
  }

  override handOver(): void {
    if (this.#running.length > 0) this.#await();
    if (this.#pending.length > 0) this.channel.send(this.#submit(true));
  }

  /**
   * Writes the recorded program without starting it, and returns its address. The executor will report its
   * end.
   */
  prepare(): number {
    return this.#submit(true);
  }

  /** Within the step, no other kernel may take memory of the same arena and keep it. */
  override reusing<T>(step: () => T): T {
    this.flush();
    const { next, end } = this.#space, { top } = this.memory, strings = this.#strings;
    const blocks = this.#blocks.length;
    this.#strings = new Map(strings);
    try {
      const made = step();
      this.flush();
      return made;
    } finally {
      this.#forget(next, Math.min(end, this.#space.next));
      this.#forget(this.memory.base + top, this.memory.base + this.memory.top);
      this.memory.release(top);
      this.#space.reset(next, end);
      this.#strings = strings;
      this.#blocks.length = blocks;
    }
  }

  /** Clears memory: the memory of new records has to be zero. */
  #forget(from: number, to: number): void {
    const { bytes, base } = this.memory;
    if (to > from) bytes.fill(0, from - base, to - base);
  }

  /** The number of a system call where the records run. */
  protected numberOf(name: SyscallName): number {
    return syscallNumber(name);
  }

  override program(): number {
    // What has been handed over may still run meanwhile.
    const running = this.#running;
    for (const { op } of this.#pending) {
      if (op.onError !== undefined || op.name === "branch" || op.name === "exit_group") continue;
      // It would wait for ever, because no process reads its report.
      throw new Error(`${op.name} of a program that nobody drives leads nowhere when it fails`);
    }
    const start = this.#submit(false);
    if (this.#watch) {
      const records = watchedOf(this.#running);
      // A program without tsrun may be under a filter that forbids to read the clock.
      for (const { before, behind } of records) stopClocks(this.memory, before, behind);
      this.#programs.set(start, records);
    }
    this.#running = running;
    return start;
  }

  override release(program: number): void {
    this.flush();
    this.#watch?.released(this.#programs.get(program) ?? []);
    this.channel.send(program);
  }

  /** Ends the batch of pending records and returns its address. With `report`, the batch ends in a stop. */
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
    const [{ watched, address }] = this.#running;
    return watched?.before || address;
  }

  /**
   * Writes a record. Its memory is never used twice and begins as zeros, so only words other than zero are
   * written. For a value that is not known yet, the address of the value is written, and the executor reads
   * it when it comes to the record.
   */
  writeRecord({ name, args, onError, onPositive }: Op, record: number): void {
    const { memory } = this, { words32 } = memory;
    const at = record - memory.base, first = at >>> 2;
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
      if (word > 0 && word <= 0xffff_ffff) words32[first + ARGUMENTS / 4 + i * 2] = word;
      else memory.setU64(record + ARGUMENTS + i * 8, word);
    }
    let number = this.#numbers.get(name);
    if (number === undefined) {
      this.#numbers.set(name, number = OPERATIONS[name] ?? this.numberOf(name as SyscallName));
    }
    words32[first] = number;
    if (mask !== 0) words32[first + MASK / 4] = mask;
    if (onError === "next") words32[first + ON_ERROR / 4] = record + RECORD_SIZE;
    else if (onError !== undefined) this.#refer(onError, at + ON_ERROR);
    if (onPositive !== undefined) this.#refer(onPositive, at + ON_POSITIVE);
  }

  /**
   * Copies a string in, unless it is there already. A copy takes 1.8 µs, and a third of all strings are
   * empty.
   */
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

  /** Waits for the end of the running batch. On the way it repairs or allows failures. */
  #await(): void {
    const running = this.#running;
    for (;;) {
      const stopped = this.channel.receive();
      // Nearly always this is the last record: the stop of the batch.
      const result = running.findLast(({ address }) => address === stopped) ??
        this.#inBlock(stopped, running);
      if (result === undefined) throw outsideBatch(stopped);
      if (result.op.name === "stop") break;
      const again = this.#failed(result);
      if (result.watched) this.#watch?.resumed(result.watched, again);
      this.channel.send(stopped + (again ? 0 : RECORD_SIZE));
    }
    this.#running = [];
    for (const result of running) result.settle(this.memory.getI64(result.slot));
    this.#watch?.ran(watchedOf(running));
  }

  /** Finds a record of a block, and takes it and its like into the batch. */
  #inBlock(stopped: number, running: RemoteResult[]): RemoteResult | undefined {
    const block = this.#blocks.find(({ start, end }) => stopped >= start && stopped < end);
    if (block === undefined) return undefined;
    const results = block.resultsAt(stopped);
    // Behind the jump to the block: what is recorded before has run.
    const jump = running.findIndex(({ op }) => op.onPositive?.address === block.start);
    running.splice(jump + 1, 0, ...results);
    return results.find(({ address }) => address === stopped);
  }

  /** Handles a record that failed. Returns whether to run it again. */
  #failed(result: RemoteResult): boolean {
    const { op, address } = result;
    const errno = -this.memory.getI64(result.slot);
    const { options } = op;
    if (this.#watch && result.watched) {
      this.#settleUntil(address);
      this.#watch.failed(result.watched, errno);
    }
    if (options?.allow !== "any" && options?.allow?.includes(errno)) return false;
    if (options?.repair) {
      try {
        // The step in `doing` has changed since the record was made, so the record's own step is set again.
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

  /** Forgets records that have not been handed over. */
  #drop(): void {
    this.#pending = [];
    this.#references = [];
    this.waiting = [];
  }

  /** Takes in the results of the records before one. */
  #settleUntil(address: number): void {
    const end = this.#running.findIndex((result) => result.address === address);
    const before = this.#running.slice(0, end);
    for (const result of before) result.settle(this.memory.getI64(result.slot));
    this.#watch?.ran(watchedOf(before));
  }

  /** Runs a repair, which makes calls of its own while the batch stands still. */
  #repair(repair: Repair, errno: number, address: number): boolean {
    const running = this.#running, pending = this.#pending, references = this.#references;
    const { waiting } = this;
    // A repair may need results of records that have already run: mostly descriptors.
    this.#settleUntil(address);
    this.#running = [];
    this.#drop();
    // The repair's records lie between the pending records and those to come. Every record leaves room for
    // one more, so there is room for the jump across.
    const gap = this.#space.skip();
    const answer = repair(errno);
    this.flush();
    // The records behind this one load the answer from there.
    if (typeof answer === "object") this.memory.setU64(address + RESULT, answer.answer);
    this.#space.makeRoom();
    this.#space.bridge(gap, this.#space.next);
    this.#running = running;
    this.#pending = pending;
    this.#references = references;
    this.waiting = waiting;
    return answer === "retry";
  }
}
