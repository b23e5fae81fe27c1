/**
 * D-Bus messages: header and body.
 *
 * Source: D-Bus specification, "Message Format" and "Header Fields".
 * @module
 */
import { Reader, type Value, type Variant, Writer } from "./value.ts";

/** Kinds of messages. */
export const METHOD_CALL = 1, METHOD_RETURN = 2, ERROR = 3, SIGNAL = 4;

/** Header fields by number. Each has a type of its own. */
const PATH = 1,
  INTERFACE = 2,
  MEMBER = 3,
  ERROR_NAME = 4,
  REPLY_SERIAL = 5,
  DESTINATION = 6,
  BODY_SIGNATURE = 8;

/** Bytes before the header fields, with the field of their length; and the version of the protocol. */
const FIXED = 16, VERSION = 1;
/**
 * The most bytes of a message: 128 MiB by the specification. Messages to tsrun are a thousand times shorter.
 */
const MAX_MESSAGE = 1 << 27;

/** A call of a method. */
export interface Call {
  destination: string;
  path: string;
  interface: string;
  member: string;
  /** Types of the arguments. */
  signature: string;
  body: readonly Value[];
}

/** A message that came. Fields that it lacks are empty. */
export interface Message {
  type: number;
  serial: number;
  replySerial: number;
  path: string;
  interface: string;
  member: string;
  errorName: string;
  body: Value[];
}

/** The bytes of a call. @throws {TypeError} for arguments that are not of their types. */
export function encodeCall(serial: number, call: Call): Uint8Array {
  return encode(METHOD_CALL, serial, fields(call), call);
}

/** An answer or a signal. */
export interface Answer {
  type: number;
  replySerial?: number;
  path?: string;
  interface?: string;
  member?: string;
  errorName?: string;
  signature: string;
  body: readonly Value[];
}

/** The bytes of an answer or a signal. @throws {TypeError} for values that are not of their types. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const known: [number, string, Value | undefined][] = [
    [PATH, "o", answer.path],
    [INTERFACE, "s", answer.interface],
    [MEMBER, "s", answer.member],
    [ERROR_NAME, "s", answer.errorName],
    [REPLY_SERIAL, "u", answer.replySerial],
    [BODY_SIGNATURE, "g", answer.signature || undefined],
  ];
  const list = known.flatMap(([field, signature, value]) =>
    value === undefined ? [] : [[field, { signature, value }]]
  );
  // A serial is never 0; whom answers are for does not look at it.
  return encode(answer.type, 1, list as unknown as Value[], answer);
}

function encode(
  type: number,
  serial: number,
  fields: Value[],
  { signature, body }: { signature: string; body: readonly Value[] },
): Uint8Array {
  const inner = new Writer();
  inner.all(signature, body);
  const message = new Writer();
  message.write("y", "l".charCodeAt(0));
  message.write("y", type);
  message.write("y", 0);
  message.write("y", VERSION);
  message.write("u", inner.bytes.length);
  message.write("u", serial);
  message.write("a(yv)", fields);
  message.align(8);
  message.raw(inner.bytes);
  return message.bytes;
}

function fields(call: Call): Value[] {
  const list: [number, Variant][] = [
    [PATH, { signature: "o", value: call.path }],
    [MEMBER, { signature: "s", value: call.member }],
    [INTERFACE, { signature: "s", value: call.interface }],
  ];
  // A peer without a bus in between has no name.
  if (call.destination !== "") list.push([DESTINATION, { signature: "s", value: call.destination }]);
  if (call.signature !== "") list.push([BODY_SIGNATURE, { signature: "g", value: call.signature }]);
  return list as unknown as Value[];
}

/**
 * The size in bytes of the first message in a buffer.
 *
 * @returns 0 where there are too few bytes to tell.
 * @throws {TypeError} for bytes that no message begins with.
 */
export function messageSize(bytes: Uint8Array): number {
  if (bytes.length < FIXED) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FIXED);
  const little = littleEndian(bytes);
  const header = FIXED + view.getUint32(12, little);
  const size = (header + 7 & ~7) + view.getUint32(4, little);
  if (header > MAX_MESSAGE || size > MAX_MESSAGE) {
    throw new TypeError(`a D-Bus message of ${size} bytes is too long`);
  }
  return size;
}

function littleEndian(bytes: Uint8Array): boolean {
  const order = String.fromCharCode(bytes[0]);
  if (order !== "l" && order !== "B" || bytes[3] !== VERSION) throw new TypeError("not a D-Bus message");
  return order === "l";
}

/** Reads a message. @param bytes Exactly its bytes. @throws {TypeError} for bytes that are no message. */
export function decodeMessage(bytes: Uint8Array): Message {
  const little = littleEndian(bytes), reader = new Reader(bytes, 12, little);
  const found: Record<number, Value> = {};
  for (const field of reader.read("a(yv)") as [number, Variant][]) found[field[0]] = field[1].value;
  reader.align(8);
  const text = (field: number) => String(found[field] ?? "");
  return {
    type: bytes[1],
    serial: new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, little),
    replySerial: Number(found[REPLY_SERIAL] ?? 0),
    path: text(PATH),
    interface: text(INTERFACE),
    member: text(MEMBER),
    errorName: text(ERROR_NAME),
    body: reader.all(text(BODY_SIGNATURE)),
  };
}
