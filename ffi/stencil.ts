/**
 * The same calls for many items, recorded once and then copied.
 *
 * To record a call takes the interpreter some microseconds, and a config may ask for a thousand mounts of a
 * few calls each. A stencil is recorded for marks, which stand for the values of an item. Its records are
 * then copied as bytes for each item, and the words that differ are written into the copy: addresses of
 * texts, descriptors, and addresses in the copy itself.
 *
 * A record that fails is found by its address. The calls of its item are then made again without being
 * recorded, which tells the failed call's error message and its repair.
 * @module
 */

import type { Block } from "./block.ts";
import { type Arg, type Fd, isResult, type Result, Settled } from "./call.ts";
import { Buffer, type Memory } from "./memory.ts";
import { ARGUMENTS, ON_ERROR, ON_POSITIVE, RECORD_SIZE, RESULT } from "./record.ts";
import { Label, type Op } from "./recorder.ts";
import type { RemoteKernel } from "./remote.ts";
import { RemoteResult } from "./remote_result.ts";

/** A value in which the calls of one item differ from those of another: a text, or a descriptor. */
export type Value = string | Fd;

/** Makes the calls of an item. They must be the same for all items, but for the values. */
export type Body<Item> = (values: readonly Value[], item: Item) => void;

/** Records that one stencil holds at most, and bytes for answers. */
const MOST_RECORDS = 32, MOST_ANSWERS = 512;

/** A word of the copies: where it is, its value in the first one, and what the next ones add to it. */
interface Word {
  index: number;
  value: number;
  step: number;
}

/** Copies of the calls for a number of items, and their answers. */
export class Copies<Item> implements Block {
  readonly end: number;

  /**
   * @param start Address of the first record.
   * @param size Bytes of the records of an item.
   * @param answers Where the answers of the first item are, and their bytes.
   */
  constructor(
    readonly k: RemoteKernel,
    readonly body: Body<Item>,
    readonly items: readonly Item[],
    readonly valuesOf: (item: Item) => readonly Value[],
    readonly start: number,
    readonly size: number,
    readonly answers: { start: number; size: number },
  ) {
    this.end = start + size * items.length;
  }

  /**
   * The answer of a call. Ask after the kernel has answered, and before the memory is used again.
   *
   * @param call The call's number among those of the item.
   */
  answer(item: number, call: number): number {
    return this.k.memory.getI64(this.start + item * this.size + call * RECORD_SIZE + RESULT);
  }

  /** What a call has written to the first buffer of an item. */
  buffer(item: number, size: number): Buffer {
    return new Buffer(this.k.memory, this.answers.start + item * this.answers.size, size);
  }

  resultsAt(address: number): RemoteResult[] {
    const { k, size, answers } = this, index = Math.floor((address - this.start) / size);
    const item = this.items[index], results: RemoteResult[] = [], first = this.start + index * size;
    let room = answers.start + index * answers.size;
    k.tapped({
      record(op) {
        const result = new RemoteResult(k, op, first + results.length * RECORD_SIZE);
        results.push(result);
        return result;
      },
      buffer(bytes) {
        const buffer = new Buffer(k.memory, room, bytes);
        room += roundUp(bytes);
        return buffer;
      },
    }, () => this.body(this.valuesOf(item), item));
    if (results.length * RECORD_SIZE !== size) throw new Error("the calls of an item are not the stencil's");
    return results;
  }
}

const roundUp = (bytes: number) => (bytes + 7) & ~7;

/** Stands for a text of an item. It cannot be one, because it has a NUL byte inside. */
export function markText(name: string): string {
  return `/\0${name}`;
}

/** Stands for a descriptor of an item. */
export function markFd(): Result {
  return new Settled(-1);
}

/**
 * Records the calls of a number of items.
 *
 * @param marks Stand for the values: texts of {@linkcode markText}, descriptors of {@linkcode markFd}.
 * @param valuesOf The values of an item, in the order of the marks.
 * @param body Called once with the marks, and again with the values of an item of which a call has failed.
 */
export function stamp<Item>(
  k: RemoteKernel,
  marks: readonly Value[],
  items: readonly Item[],
  valuesOf: (item: Item) => readonly Value[],
  body: Body<Item>,
): Copies<Item> {
  const { memory } = k;
  const model = new Model(k, marks);
  k.tapped(model, () => body(marks, items[0]));
  const { size, answers } = model;
  const start = memory.reserve(size * items.length + RECORD_SIZE);
  const room = answers === 0 ? 0 : memory.alloc(answers * items.length).address;
  model.finish(start, room);
  copy(memory, model, start, items.map(valuesOf));
  const copies = new Copies(k, body, items, valuesOf, start, size, { start: room, size: answers });
  k.include(copies);
  return copies;
}

/** Records of a stencil, at a place of their own until it is known where the copies go. */
class Model {
  /** Bytes of the records and of the answers of one item. */
  size = 0;
  answers = 0;
  /** The words that differ, and where which value goes. */
  readonly words: Word[] = [];
  readonly places: { index: number; value: number }[] = [];
  readonly #ops: Op[] = [];
  readonly address: number;
  readonly #answersAt: number;

  constructor(readonly k: RemoteKernel, readonly marks: readonly Value[]) {
    this.address = k.memory.alloc(MOST_RECORDS * RECORD_SIZE).address;
    this.#answersAt = k.memory.alloc(MOST_ANSWERS).address;
  }

  buffer(size: number): Buffer {
    const buffer = new Buffer(this.k.memory, this.#answersAt + this.answers, size);
    this.answers += roundUp(size);
    if (this.answers > MOST_ANSWERS) throw new Error("a stencil has too many answers");
    return buffer;
  }

  record(op: Op): Result {
    const at = this.size, result = new RemoteResult(this.k, op, this.address + at);
    this.size += RECORD_SIZE;
    if (this.#ops.length === MOST_RECORDS) throw new Error("a stencil has too many records");
    for (const label of op.labels) label.address = result.address;
    const args = op.args.map((arg, i) => this.#argument(arg, at + ARGUMENTS + i * 8));
    this.k.writeRecord({ ...op, args, onError: undefined, onPositive: undefined }, result.address);
    this.#ops.push(op);
    return result;
  }

  /** What to write for an argument. A value of an item is written into the copies. */
  #argument(arg: Arg, at: number): Arg {
    const value = this.marks.indexOf(arg as Value);
    if (value < 0) return arg;
    if (isResult(arg) || typeof arg === "string") this.places.push({ index: at / 4, value });
    return 0;
  }

  /**
   * Finds the words that hold addresses of the item's own records and answers.
   *
   * @param start Where the records of the first item go.
   * @param room Where its answers go.
   */
  finish(start: number, room: number): void {
    const { address, size, answers } = this;
    const own = (index: number, target: number) =>
      this.words.push({ index, value: target - address + start, step: size });
    this.#ops.forEach(({ args, onError, onPositive }, i) => {
      const first = i * RECORD_SIZE;
      args.forEach((arg, j) => {
        const index = (first + ARGUMENTS + j * 8) / 4;
        if (arg instanceof RemoteResult && arg.address >= address && arg.address < address + size) {
          own(index, arg.slot);
        } else if (arg instanceof Buffer && arg.address >= this.#answersAt) {
          const offset = arg.address - this.#answersAt;
          if (offset < answers) this.words.push({ index, value: room + offset, step: answers });
        }
      });
      if (onError === "next") own((first + ON_ERROR) / 4, address + first + RECORD_SIZE);
      else if (onError instanceof Label) own((first + ON_ERROR) / 4, onError.address);
      if (onPositive) own((first + ON_POSITIVE) / 4, onPositive.address);
    });
  }
}

/** Writes the copies. */
function copy(memory: Memory, model: Model, start: number, values: readonly (readonly Value[])[]): void {
  const { bytes, words32, base } = memory, { size, words, places } = model;
  const from = model.address - base;
  const texts = textsOf(memory, values, places);
  let text = 0;
  for (let item = 0; item < values.length; item++) {
    const to = start - base + item * size, first = to >>> 2, own = values[item];
    bytes.copyWithin(to, from, from + size);
    for (let i = 0; i < words.length; i++) {
      const { index, value, step } = words[i];
      words32[first + index] = value + item * step;
    }
    for (let i = 0; i < places.length; i++) {
      const { index, value } = places[i], it = own[value];
      words32[first + index] = typeof it === "number"
        ? it
        : typeof it === "string"
        ? texts[text++]
        : it.wait();
    }
  }
}

/** Copies all texts in at once. @returns Their addresses, in the order of the items and of the places. */
function textsOf(
  memory: Memory,
  values: readonly (readonly Value[])[],
  places: readonly { value: number }[],
): number[] {
  const texts: string[] = [];
  for (const own of values) {
    for (const { value } of places) {
      const text = own[value];
      if (typeof text === "string") texts.push(text);
    }
  }
  return memory.stringsAt(texts);
}
