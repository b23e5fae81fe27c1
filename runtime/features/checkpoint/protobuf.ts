/**
 * Protocol buffers, as far as CRIU's messages use them: integers, booleans, strings, messages, and lists of
 * these.
 *
 * Source: the encoding guide of protobuf (version 2 of the language). Fields that a schema does not name are
 * skipped.
 * @module
 */

/** The type of a field. An enumeration is an `int32`. */
export type Kind = "int32" | "uint32" | "bool" | "string" | Schema;

/** A field: its number, its type, and whether it may occur many times. */
export type Field = readonly [number: number, kind: Kind, repeated?: "repeated"];

/** The fields of a message by name. */
export interface Schema {
  readonly [name: string]: Field;
}

/** A message: values by name. Absent fields are left out. */
export type Values = { readonly [name: string]: unknown };

/** Wire types. */
const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/** A message as bytes. @throws {TypeError} For a value that its field cannot have. */
export function encodeProtobuf(schema: Schema, values: Values): Uint8Array {
  const bytes: number[] = [];
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(schema, name)) throw new TypeError(`protobuf: there is no field ${name}`);
    const [number, kind, repeated] = schema[name];
    for (const one of repeated ? value as unknown[] : [value]) encodeField(bytes, number, kind, one, name);
  }
  return Uint8Array.from(bytes);
}

function encodeField(bytes: number[], number: number, kind: Kind, value: unknown, name: string): void {
  if (typeof kind === "object") return encodeBytes(bytes, number, encodeProtobuf(kind, value as Values));
  if (kind === "string" && typeof value === "string") {
    return encodeBytes(bytes, number, new TextEncoder().encode(value));
  }
  const integer = typeof value === "boolean" && kind === "bool" ? Number(value) : value;
  if (kind === "string" || (kind === "bool") !== (typeof value === "boolean") || !Number.isInteger(integer)) {
    throw new TypeError(`protobuf: ${name} is a ${kind}, not ${String(value)}`);
  }
  encodeVarint(bytes, BigInt(number << 3 | VARINT));
  // A negative number is written as 64 bits.
  encodeVarint(bytes, BigInt.asUintN(64, BigInt(integer as number)));
}

function encodeBytes(bytes: number[], number: number, content: Uint8Array): void {
  encodeVarint(bytes, BigInt(number << 3 | BYTES));
  encodeVarint(bytes, BigInt(content.length));
  for (const byte of content) bytes.push(byte);
}

function encodeVarint(bytes: number[], value: bigint): void {
  for (; value > 0x7fn; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  bytes.push(Number(value));
}

/** The values of a message. @throws {RangeError} For bytes that end in the middle of a value. */
export function decodeProtobuf(schema: Schema, bytes: Uint8Array): Values {
  const fields = new Map(Object.entries(schema).map(([name, field]) => [field[0], { name, field }]));
  const values: Record<string, unknown> = {};
  const reader = new Reader(bytes);
  while (!reader.atEnd) {
    const key = Number(reader.varint()), known = fields.get(key >> 3);
    const raw = reader.value(key & 7);
    if (known === undefined) continue;
    const { name, field: [, kind, repeated] } = known;
    const value = decodeValue(kind, raw);
    if (value === undefined) throw new RangeError(`protobuf: ${name} has the wire type ${key & 7}`);
    if (repeated) (values[name] ??= [] as unknown[], values[name] as unknown[]).push(value);
    else values[name] = value;
  }
  return values;
}

function decodeValue(kind: Kind, raw: bigint | Uint8Array): unknown {
  if (raw instanceof Uint8Array) {
    if (typeof kind === "object") return decodeProtobuf(kind, raw);
    return kind === "string" ? new TextDecoder().decode(raw) : undefined;
  }
  if (kind === "bool") return raw !== 0n;
  if (kind === "int32") return Number(BigInt.asIntN(32, raw));
  return kind === "uint32" ? Number(BigInt.asUintN(32, raw)) : undefined;
}

/** Reads the bytes of a message in order. */
class Reader {
  #at = 0;

  constructor(readonly bytes: Uint8Array) {}

  get atEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#take(1)[0];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new RangeError("protobuf: a number of more than 64 bits");
  }

  /** A value of a wire type. */
  value(type: number): bigint | Uint8Array {
    switch (type) {
      case VARINT:
        return this.varint();
      case BYTES:
        return this.#take(Number(this.varint()));
      case FIXED32:
        return this.#take(4);
      case FIXED64:
        return this.#take(8);
      default:
        throw new RangeError(`protobuf: a field of wire type ${type}`);
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.bytes.length) throw new RangeError("protobuf: the message ends in the middle of a field");
    return this.bytes.slice(this.#at, this.#at = end);
  }
}
