/**
 * Records the program of the prepared commands: prepared.ts.
 * @module
 */

import { AddressOf, type Arg, Load, type Result } from "./kernel.ts";
import { Buffer, Memory } from "./memory.ts";
import {
  cgroupField,
  PROGRAM_BASE,
  type SlotName,
  SLOTS,
  textField,
  type TextName,
  wordField,
  type WordName,
} from "./prepared.ts";
import type { Label, Op } from "./recorder.ts";
import { type Channel, RemoteKernel } from "./remote.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";

const SLOTS_AT = 16, HEAD = SLOTS_AT + Object.keys(SLOTS).length * 8;
/** The most bytes of the program, and the records for which room is taken at a time. */
const MOST = 0x10000, BATCH = 32;

/** Calls whose result is a descriptor. */
const OPENERS: readonly string[] = ["openat", "pidfd_open"];

/** Nobody runs these records while they are written. */
const NOBODY: Channel = { ours: -1, theirs: -1, send: neverRun, receive: neverRun, ready: neverRun };

function neverRun(): never {
  throw new Error("a record of a prepared command was to run at once");
}

/** Records a program. A record that fails and names no other takes the command to the engine. */
export class PreparedKernel extends RemoteKernel {
  readonly #head: Buffer;
  readonly #opened: Result[] = [];

  /** @param arch The architecture that the program is for. */
  constructor(readonly arch: "x86_64" | "aarch64") {
    super(new Memory(new ArrayBuffer(MOST), PROGRAM_BASE), NOBODY, BATCH);
    this.#head = this.buffer(HEAD);
  }

  protected override numberOf(name: SyscallName): number {
    return syscallNumber(name, this.arch);
  }

  protected override record(op: Op): Result {
    const result = super.record(op);
    if (OPENERS.includes(op.name)) this.#opened.push(result);
    return result;
  }

  /** The word of a slot. */
  slotWord(name: SlotName): Buffer {
    return this.#head.slice(SLOTS_AT + SLOTS[name] * 8, 8);
  }

  /** The value in a slot. */
  slot(name: SlotName): Load {
    return new Load(this.slotWord(name));
  }

  /** The address of a text of the container's. */
  text(name: TextName): Load {
    return this.#load(textField(name));
  }

  /** Its length in bytes, without the NUL behind it. */
  length(name: TextName): Load {
    return this.#load(this.lengthAddress(name));
  }

  /** The address of the length. */
  lengthAddress(name: TextName): number {
    return textField(name) + 8;
  }

  /** A word of the container's. */
  word(name: WordName): Load {
    return this.#load(wordField(name));
  }

  /** The address of the path of a cgroup; 0 behind the last one. */
  cgroup(index: number): Load {
    return this.#load(cgroupField(index));
  }

  #load(address: number): Load {
    return new Load(new Buffer(this.memory, address, 8));
  }

  /**
   * Compares memory.
   *
   * @param length How many bytes.
   * @param onError Where to go on if they differ; absent: to the engine.
   */
  compare(one: Arg, other: Arg, length: Arg, onError?: Label): Result {
    return this.operation("compare", [one, other, length], { onError });
  }

  /** Compares a C string with a text of the container's: all of both, as the texts have NULs behind them. */
  compareText(where: Arg, name: TextName): Result {
    return this.compare(where, this.text(name), this.#load(textField(name) + 16));
  }

  /** Compares a word with a number. */
  compareNumber(where: Arg, number: number, onError?: Label): Result {
    return this.compare(where, [number], 8, onError);
  }

  /** Compares a word with one of the container's. */
  compareWord(where: Arg, name: WordName, onError?: Label): Result {
    return this.compare(where, wordField(name), 8, onError);
  }

  /** Compares what a call has returned with a number. */
  compareResult(result: Result, number: number, onError?: Label): Result {
    return this.compareNumber(new AddressOf(result), number, onError);
  }

  /** Copies what a call has returned, a descriptor, into a structure. */
  copyFd(to: Buffer, fd: Result): void {
    this.operation("copy", [to, new AddressOf(fd), 4], {});
  }

  /** Ends the program: nothing can be recorded behind it. @returns Its bytes. */
  finish(): Uint8Array<ArrayBuffer> {
    const { memory } = this, first = this.prepare();
    const results = this.#opened.map((result) => (result as unknown as { slot: number }).slot);
    const list = memory.words([results.length, ...results]);
    for (const result of results) memory.setU64(result, -1);
    memory.setU64(this.#head.address, first);
    memory.setU64(this.#head.address + 8, list);
    return memory.bytes.subarray(0, memory.top);
  }
}
