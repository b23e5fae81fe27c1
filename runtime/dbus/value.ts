/**
 * D-Bus's types as bytes: marshalling and unmarshalling by signature.
 *
 * Source: D-Bus specification, "Type System" and "Marshaling (Wire Format)".
 * @module
 */

/**
 * A value, whose type is in a signature: `y n q i u` and `d` are numbers, `x t` bigints (numbers are
 * accepted), `b` a boolean, `s o g` strings, `ay` bytes, other arrays and structures lists, an entry of a
 * dictionary a pair.
 */
export type Value = number | bigint | boolean | string | Uint8Array | Variant | readonly Value[];

/** A value with its own type: `v`. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/** The most bytes of an array. A message may have twice as many. */
const MAX_ARRAY = 1 << 26;
/** The deepest nesting of arrays and structures. */
const MAX_DEPTH = 64;

/** The alignment of a type's values in bytes, by its first character. */
function alignment(code: string): number {
  if ("ybnqgv".includes(code)) return code === "b" ? 4 : code === "n" || code === "q" ? 2 : 1;
  return "xtd({".includes(code) ? 8 : 4;
}

/**
 * The end of the complete type that begins at `at`.
 *
 * @throws {TypeError} when no valid type begins there.
 */
export function endOfType(signature: string, at: number, depth = 0): number {
  const code = signature[at];
  if (depth > MAX_DEPTH) {
    throw new TypeError(`D-Bus signature ${JSON.stringify(signature)} is nested too deep`);
  }
  if (code !== undefined && "ybnqiuxtdsogv".includes(code)) return at + 1;
  if (code === "a") {
    return signature[at + 1] === "{"
      ? endOfGroup(signature, at + 1, "}", depth)
      : endOfType(signature, at + 1, depth + 1);
  }
  if (code === "(") return endOfGroup(signature, at, ")", depth);
  throw new TypeError(`invalid D-Bus signature ${JSON.stringify(signature)}`);
}

function endOfGroup(signature: string, at: number, close: string, depth: number): number {
  let end = at + 1, count = 0;
  while (signature[end] !== close) {
    end = endOfType(signature, end, depth + 1);
    count++;
  }
  if (count === 0 || close === "}" && count !== 2) {
    throw new TypeError(`invalid D-Bus signature ${JSON.stringify(signature)}`);
  }
  return end + 1;
}

/** The complete types in a signature. @throws {TypeError} when it is not valid. */
export function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = endOfType(signature, at);
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

/** Writes values in little-endian order. */
export class Writer {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** The bytes written so far. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Writes zeros up to a multiple of `size`. */
  align(size: number): void {
    this.#reserve((size - this.#length % size) % size);
  }

  /** Writes bytes as they are. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes values of the types of a signature. @throws {TypeError} for a value that is not of its type. */
  all(signature: string, values: readonly Value[]): void {
    const types = typesOf(signature);
    if (types.length !== values.length) {
      throw new TypeError(`D-Bus signature ${JSON.stringify(signature)} is not of ${values.length} values`);
    }
    for (let i = 0; i < types.length; i++) this.write(types[i], values[i]);
  }

  /** Writes one value of a complete type. @throws {TypeError} for a value that is not of that type. */
  write(type: string, value: Value): void {
    const code = type[0];
    this.align(alignment(code));
    if (code === "s" || code === "o") this.#string(asText(value));
    else if (code === "g") this.#signature(asText(value));
    else if (code === "v") {
      const { signature, value: inner } = value as Variant;
      if (endOfType(signature, 0) !== signature.length) throw new TypeError("a variant is of one type");
      this.#signature(signature);
      this.write(signature, inner);
    } else if (code === "a") this.#array(type.slice(1), value as Uint8Array | readonly Value[]);
    else if (code === "(") this.all(type.slice(1, -1), value as readonly Value[]);
    else this.#basic(code, value);
  }

  /** Overwrites a 32-bit word that was written before. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  #basic(code: string, value: Value): void {
    const at = this.#reserve(alignment(code));
    const view = this.#view;
    if (code === "b") return view.setUint32(at, value ? 1 : 0, true);
    if (code === "d") return view.setFloat64(at, Number(value), true);
    const [bits, signed] = INTEGERS[code];
    const integer = BigInt(value as number | bigint);
    if (integer !== (signed ? BigInt.asIntN(bits, integer) : BigInt.asUintN(bits, integer))) {
      throw new TypeError(`${integer} does not fit the D-Bus type ${code}`);
    }
    if (bits === 64) return view.setBigUint64(at, BigInt.asUintN(64, integer), true);
    const number = Number(integer);
    if (bits === 32) view.setUint32(at, number, true);
    else if (bits === 16) view.setUint16(at, number, true);
    else view.setUint8(at, number);
  }

  #string(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#basic("u", bytes.length);
    this.raw(bytes);
    this.#reserve(1);
  }

  #signature(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.#basic("y", bytes.length);
    this.raw(bytes);
    this.#reserve(1);
  }

  #array(type: string, value: Uint8Array | readonly Value[]): void {
    const lengthAt = this.#reserve(4);
    // The padding before the first element is written even for an empty array, and is not part of its length.
    const entry = type[0] === "{";
    this.align(entry ? 8 : alignment(type[0]));
    const start = this.#length;
    if (value instanceof Uint8Array) this.raw(value);
    else {
      for (const one of value) {
        if (entry) this.align(8);
        if (entry) this.all(type.slice(1, -1), one as readonly Value[]);
        else this.write(type, one);
      }
    }
    const size = this.#length - start;
    if (size > MAX_ARRAY) throw new TypeError(`a D-Bus array of ${size} bytes is too long`);
    this.setU32(lengthAt, size);
  }

  /** Reserves zeroed bytes; returns where they begin. */
  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}

/** Bits of each type of integer, and whether it has a sign. */
const INTEGERS: Record<string, readonly [bits: number, signed: boolean]> = {
  y: [8, false],
  n: [16, true],
  q: [16, false],
  i: [32, true],
  u: [32, false],
  x: [64, true],
  t: [64, false],
};

function asText(value: Value): string {
  if (typeof value !== "string" || value.includes("\0")) {
    throw new TypeError(`${JSON.stringify(String(value))} is no D-Bus string`);
  }
  return value;
}

/** Reads values. The bytes of a peer are not trusted to be well formed. */
export class Reader {
  readonly #view: DataView;

  /**
   * @param bytes A whole message: alignment counts from its beginning.
   * @param at Where reading begins.
   * @param little Whether the least significant byte comes first.
   */
  constructor(readonly bytes: Uint8Array, public at: number, readonly little: boolean) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Skips padding. */
  align(size: number): void {
    this.#take((size - this.at % size) % size);
  }

  /** Reads values of the types of a signature. @throws {TypeError} for bytes that are no such values. */
  all(signature: string, depth = 0): Value[] {
    return typesOf(signature).map((type) => this.read(type, depth));
  }

  /** Reads one value of a complete type. @throws {TypeError} for bytes that are no such value. */
  read(type: string, depth = 0): Value {
    if (depth > MAX_DEPTH) throw new TypeError("a D-Bus value is nested too deep");
    const code = type[0];
    this.align(alignment(code));
    if (code === "s" || code === "o") return this.#text(this.#integer("u") as number);
    if (code === "g") return this.#text(this.#integer("y") as number);
    if (code === "v") {
      const signature = this.#text(this.#integer("y") as number);
      if (endOfType(signature, 0) !== signature.length) throw new TypeError("a variant is of one type");
      return { signature, value: this.read(signature, depth + 1) };
    }
    if (code === "a") return this.#array(type.slice(1), depth + 1);
    if (code === "(") return this.all(type.slice(1, -1), depth + 1);
    if (code === "d") return this.#view.getFloat64(this.#take(8), this.little);
    if (code === "b") return this.#integer("u") !== 0;
    return this.#integer(code);
  }

  #integer(code: string): number | bigint {
    const [bits, signed] = INTEGERS[code];
    const at = this.#take(bits / 8), little = this.little, view = this.#view;
    if (bits === 64) return signed ? view.getBigInt64(at, little) : view.getBigUint64(at, little);
    if (bits === 32) return signed ? view.getInt32(at, little) : view.getUint32(at, little);
    if (bits === 16) return signed ? view.getInt16(at, little) : view.getUint16(at, little);
    return view.getUint8(at);
  }

  #text(length: number): string {
    const at = this.#take(length + 1);
    return new TextDecoder().decode(this.bytes.subarray(at, at + length));
  }

  #array(type: string, depth: number): Value {
    const size = this.#integer("u") as number;
    const entry = type[0] === "{";
    this.align(entry ? 8 : alignment(type[0]));
    if (type === "y") {
      const at = this.#take(size);
      return this.bytes.slice(at, at + size);
    }
    const end = this.at + size;
    if (end > this.bytes.length) throw new TypeError("a D-Bus message is shorter than it says");
    const values: Value[] = [];
    while (this.at < end) {
      if (entry) this.align(8);
      values.push(entry ? this.all(type.slice(1, -1), depth) : this.read(type, depth));
    }
    return values;
  }

  #take(size: number): number {
    const at = this.at;
    if (at + size > this.bytes.length) throw new TypeError("a D-Bus message is shorter than it says");
    this.at += size;
    return at;
  }
}
