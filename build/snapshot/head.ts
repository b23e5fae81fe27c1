/**
 * The head of a snapshot: the records of system calls by which the entry (restore_x86_64.s) makes the process
 * of an engine that has started already.
 *
 *       0  the build        8  the first record    16  how many words get the address of the vDSO added
 *      24  where those are 32  descriptors to close where the records stop: how many, and where each is
 *      40  what the entry knows: the file, the new environment, the kernel's arguments, the processor, where
 *          it is itself
 *      96  the size of the file
 *     ...  records (ffi/record.ts), and behind them what they point to
 * @module
 */
import { ARGUMENTS, MASK, ON_ERROR, ON_POSITIVE, RECORD_SIZE, RESULT } from "../../ffi/record.ts";

/** Where the head is mapped, and how large it is: restore_x86_64.s says the same. */
export const BASE = 0x3000_0000, HEAD_SIZE = 0x1_0000;
/** What the entry leaves: addresses of words, and of six half words about the processor. */
export const FILE = BASE + 40, ENVIRONMENT = BASE + 48, ARGUMENTS_BLOCK = BASE + 56, PROCESSOR = BASE + 64;
/** Where the entry leaves the address of its first instruction. */
export const CODE = BASE + 88;
/** Bytes about the processor. */
export const PROCESSOR_SIZE = 24;

/** What is no system call: memory is compared, copied; or the engine goes on. */
const STOP = -1, COMPARE = -3, COPY = -4, RESUME = -5;

const SIZE_AT = 96, RECORDS_AT = 104;

/** An argument: a number, or the word at an address. */
export type Argument = number | bigint | { at: number };

/** Writes the head of a snapshot. */
export class Head {
  readonly #bytes = new Uint8Array(HEAD_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  #vdso = { at: 0, count: 0 };
  readonly #opened: number[] = [];
  #records = RECORDS_AT;
  #data = HEAD_SIZE;

  /** @param digest Eight characters that name the build. */
  constructor(digest: string) {
    this.#bytes.set(new TextEncoder().encode(digest));
  }

  /** Places bytes. @returns Their address. */
  data(bytes: Uint8Array): number {
    this.#data = Math.floor((this.#data - bytes.length) / 8) * 8;
    if (this.#data < this.#records) throw new Error(`the head of a snapshot has ${HEAD_SIZE} bytes only`);
    this.#bytes.set(bytes, this.#data);
    return BASE + this.#data;
  }

  /** Places words of 64 bits. @returns The address of the first. */
  words(...words: readonly bigint[]): number {
    return this.data(new Uint8Array(new BigInt64Array(words).buffer));
  }

  /** Room for bytes that the kernel writes. */
  room(size: number): number {
    return this.data(new Uint8Array(size));
  }

  /** Places a string for the kernel. */
  text(text: string): number {
    return this.data(new TextEncoder().encode(`${text}\0`));
  }

  /** Records a system call. One that fails takes the command to the engine, unless it `mayFail`. */
  call(number: number, args: readonly Argument[], mayFail = false): { at: number } {
    const at = this.#records;
    this.#records += RECORD_SIZE;
    if (this.#records > this.#data) throw new Error(`the head of a snapshot has ${HEAD_SIZE} bytes only`);
    this.#view.setInt32(at, number, true);
    let mask = 0;
    for (const [i, arg] of args.entries()) {
      const word = typeof arg === "object" ? arg.at : arg;
      if (typeof arg === "object") mask |= 1 << i;
      this.#view.setBigInt64(at + ARGUMENTS + i * 8, BigInt(word), true);
    }
    this.#view.setUint32(at + MASK, mask, true);
    if (mayFail) this.#view.setUint32(at + ON_ERROR, BASE + this.#records, true);
    return { at: BASE + at + RESULT };
  }

  /** Records a call whose result must be above zero. */
  positive(number: number, args: readonly Argument[]): void {
    const { at } = this.call(number, args);
    this.call(STOP, []);
    this.#view.setUint32(at - RESULT + ON_POSITIVE - BASE, BASE + this.#records, true);
  }

  /** Records a call whose result is a descriptor, which is closed again where the records stop. */
  open(number: number, args: readonly Argument[]): { at: number } {
    const result = this.call(number, args);
    this.#view.setBigInt64(result.at - BASE, -1n, true);
    this.#opened.push(result.at);
    return result;
  }

  /** Two pieces of memory must be equal. */
  compare(one: Argument, other: Argument, size: number): void {
    this.call(COMPARE, [one, other, size]);
  }

  copy(to: Argument, from: Argument, size: number): void {
    this.call(COPY, [to, from, size]);
  }

  /** Words that are as far from the vDSO as is said; to be called once. */
  fromVdso(offsets: readonly bigint[]): { at: number }[] {
    const at = this.words(...offsets);
    this.#vdso = { at, count: offsets.length };
    return offsets.map((_, i) => ({ at: at + i * 8 }));
  }

  /** The last record: goes on at an address, with a word as its argument. */
  resume(at: bigint, argument: bigint): void {
    this.call(RESUME, [argument, at]);
  }

  /** The bytes of the head. @param size Those of the whole file. */
  finish(size: number): Uint8Array<ArrayBuffer> {
    const opened = this.words(...[this.#opened.length, ...this.#opened].map(BigInt));
    const words = [BASE + RECORDS_AT, this.#vdso.count, this.#vdso.at, opened];
    words.forEach((word, i) => this.#view.setBigInt64(8 + i * 8, BigInt(word), true));
    this.#view.setBigInt64(SIZE_AT, BigInt(size), true);
    return this.#bytes;
  }
}
