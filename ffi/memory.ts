/**
 * Memory that system calls read and write: a bump allocator over one block.
 *
 * This process writes the block; the process that runs the calls reads it. An address is therefore always an
 * address of the *running* process: `base` is the block's address there, which for the executor differs from
 * its address here.
 * @module
 */

import { TsrunError } from "./errors.ts";

const encoder = new TextEncoder();
/** Made when the first text is read, because most commands read none. */
let decoder: TextDecoder | undefined;

/** A piece of memory: its address for a system call, and its bytes for TypeScript. */
export class Buffer {
  /**
   * @param memory The block it lies in.
   * @param address Address in the process that runs the calls.
   * @param size Bytes.
   */
  constructor(readonly memory: Memory, readonly address: number, readonly size: number) {}

  /** The bytes themselves, not a copy. */
  get bytes(): Uint8Array {
    const start = this.address - this.memory.base;
    return this.memory.bytes.subarray(start, start + this.size);
  }

  /** A part of it. */
  slice(offset: number, size: number): Buffer {
    return new Buffer(this.memory, this.address + offset, size);
  }

  /** Unsigned 32-bit word at a byte offset. */
  u32(offset: number): number {
    return this.memory.view.getUint32(this.address - this.memory.base + offset, true);
  }

  /** Signed 32-bit word at a byte offset. */
  i32(offset: number): number {
    return this.memory.view.getInt32(this.address - this.memory.base + offset, true);
  }

  /** Unsigned 64-bit word at a byte offset, exact up to 2^53. */
  u64(offset: number): number {
    return this.u32(offset) + this.u32(offset + 4) * 0x1_0000_0000;
  }

  /** Unsigned 64-bit word at a byte offset, exact for any size. */
  word(offset: number): Word {
    const number = this.u64(offset);
    if (number <= Number.MAX_SAFE_INTEGER) return number;
    return this.memory.view.getBigUint64(this.address - this.memory.base + offset, true);
  }

  /** The bytes up to the first NUL, or up to `length`, as text. */
  text(length?: number): string {
    const bytes = this.bytes;
    const end = length ?? bytes.indexOf(0);
    decoder ??= new TextDecoder();
    return decoder.decode(bytes.slice(0, end < 0 ? bytes.length : end));
  }
}

/** A 64-bit word: a number if it is exact, otherwise a bigint. */
export type Word = number | bigint;

/**
 * A value that a system call can be given: a number; text, as a C string; bytes; a buffer; NULL; a structure
 * made of 64-bit words; a NULL-terminated array of C strings.
 */
export type Encodable = number | string | Uint8Array | Buffer | null | readonly Word[] | readonly string[];

function full(what: string): TsrunError {
  return new TsrunError({ code: "ENOMEM_ARENA", operation: "the system call arena is full", reason: what });
}

/** A bump allocator over one block of memory. */
export class Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
  /**
   * The same as 32-bit words, for records: V8's interpreter writes an element more quickly than it calls a
   * method of the view. Both architectures are little-endian.
   */
  readonly words32: Uint32Array<ArrayBuffer>;
  #top = 0;

  /**
   * @param block The block. It must never move, so it lies off the JavaScript heap or is pinned by the
   * caller.
   * @param base Its address in the process that runs the calls.
   */
  constructor(block: ArrayBuffer, readonly base: number) {
    this.bytes = new Uint8Array(block);
    this.view = new DataView(block);
    this.words32 = new Uint32Array(block, 0, block.byteLength >>> 2);
  }

  /**
   * Where the next allocation begins. Hand it to {@linkcode release} to free everything allocated after it.
   */
  get top(): number {
    return this.#top;
  }

  /** Frees everything allocated since `top` had this value. */
  release(top: number): void {
    this.#top = top;
  }

  /**
   * Reserves memory, aligned to eight bytes. Its content is undefined.
   *
   * @param size Bytes.
   * @throws {TsrunError} When the block is full.
   */
  reserve(size: number): number {
    const start = (this.#top + 7) & ~7;
    if (start + size > this.bytes.length) {
      throw full(`${size} more bytes, ${this.bytes.length} in all`);
    }
    this.#top = start + size;
    return this.base + start;
  }

  /** Reserves zeroed memory of `size` bytes. */
  alloc(size: number): Buffer {
    const address = this.reserve(size);
    const start = address - this.base;
    this.bytes.fill(0, start, start + size);
    return new Buffer(this, address, size);
  }

  /** Copies bytes in; returns their address. */
  put(bytes: Uint8Array): number {
    const address = this.reserve(bytes.length);
    this.bytes.set(bytes, address - this.base);
    return address;
  }

  /**
   * Copies a string in as UTF-8 with a NUL behind it; returns its address.
   *
   * @throws {TsrunError} When the string has a NUL inside, because the kernel would see a shorter string.
   */
  string(text: string): number {
    if (text.includes("\0")) {
      throw new TsrunError({
        code: "EINVAL_NUL_BYTE",
        operation: "hand a text to the kernel",
        object: JSON.stringify(text),
        reason: "it has a NUL byte inside",
      });
    }
    const start = (this.#top + 7) & ~7;
    const room = this.bytes.subarray(start);
    const { read, written } = encoder.encodeInto(text, room);
    if (read < text.length || written >= room.length) {
      throw full(`a string of ${text.length} characters does not fit`);
    }
    room[written] = 0;
    this.#top = start + written + 1;
    return this.base + start;
  }

  /**
   * Copies many strings in, in one go where all are of ASCII; returns their addresses, which are not aligned.
   *
   * @throws {TsrunError} As {@linkcode string} does.
   */
  stringsAt(texts: readonly string[]): number[] {
    const joined = texts.join("\0"), start = (this.#top + 7) & ~7;
    const room = this.bytes.subarray(start, start + joined.length);
    const { read, written } = encoder.encodeInto(joined, room);
    // Then every character is one byte. string() refuses texts with a NUL byte inside.
    const plain = read === joined.length && written === read && !texts.some((text) => text.includes("\0"));
    if (!plain) {
      // Memory that was never reserved is zero.
      room.fill(0, 0, written);
      return texts.map((text) => this.string(text));
    }
    let address = this.reserve(joined.length + 1);
    this.bytes[start + joined.length] = 0;
    return texts.map((text) => (address += text.length + 1) - text.length - 1);
  }

  /** A NULL-terminated array of strings, as execve(2) takes it. */
  strings(list: readonly string[]): number {
    const address = this.reserve((list.length + 1) * 8);
    list.forEach((text, i) => this.setU64(address + i * 8, this.string(text)));
    this.setU64(address + list.length * 8, 0);
    return address;
  }

  /** A structure made of 64-bit words; returns its address. */
  words(words: readonly Word[]): number {
    const address = this.reserve(words.length * 8);
    for (let i = 0; i < words.length; i++) this.setU64(address + i * 8, words[i]);
    return address;
  }

  /** The word that stands for `value` in a register. What the word points to is copied in. */
  encode(value: Encodable): number {
    if (typeof value === "number") return value;
    if (typeof value === "string") return this.string(value);
    if (value === null) return 0;
    if (value instanceof Buffer) return value.address;
    if (value instanceof Uint8Array) return this.put(value);
    return typeof value[0] !== "string" && value.length > 0
      ? this.words(value as Word[])
      : this.strings(value as string[]);
  }

  /**
   * Writes a 64-bit word. Numbers must be exact: from -2^53 to 2^53; 2^64 and above stand for all ones. Other
   * values are bigints.
   */
  setU64(address: number, value: Word): void {
    const offset = address - this.base;
    if (typeof value === "bigint") return this.view.setBigUint64(offset, BigInt.asUintN(64, value), true);
    if (value >= 0 && value <= 0xffff_ffff) {
      this.view.setUint32(offset, value, true);
      this.view.setUint32(offset + 4, 0, true);
      return;
    }
    const all = value >= 2 ** 64;
    this.view.setUint32(offset, all ? 0xffffffff : value >>> 0, true);
    this.view.setUint32(offset + 4, all ? 0xffffffff : Math.floor(value / 0x1_0000_0000) >>> 0, true);
  }

  /** Reads a signed 64-bit word, exact from -2^53 to 2^53. */
  getI64(address: number): number {
    const offset = address - this.base;
    return this.view.getUint32(offset, true) + this.view.getInt32(offset + 4, true) * 0x1_0000_0000;
  }
}
