/**
 * Changes of a JSON document in its own text: everything that is not asked for keeps its place, its form and
 * its spaces. A value that is new is written in the style of its neighbours.
 * @module
 */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** One member of an object, by places in the text. */
interface Member {
  name: string;
  /** Where its name begins, and where its value begins and ends. */
  start: number;
  valueStart: number;
  end: number;
}

/** An object in the text: the places of its brackets, and its members. */
interface ObjectSpan {
  start: number;
  end: number;
  members: Member[];
}

/** The document is no JSON, or has something else where an object belongs. */
export class JsonEditError extends Error {
  override name = "JsonEditError";
}

/**
 * Sets a value. Objects on the way that are missing are made.
 *
 * @param text A document whose value is an object, or nothing but spaces.
 * @param path Names from the document to the value.
 * @returns The new text, which is the old one if the value is there already.
 * @throws {JsonEditError} Why the document cannot take it.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { setValue } from "./json_edit.ts";
 * const text = setValue('{\n    "debug": true\n}\n', ["runtimes", "x"], 1);
 * assertEquals(text, '{\n    "debug": true,\n    "runtimes": {\n        "x": 1\n    }\n}\n');
 * ```
 */
export function setValue(text: string, path: readonly string[], value: Json): string {
  checkDocument(text);
  if (text.trim() === "") text = "{}\n";
  const style = styleOf(text);
  let object = readObject(text, firstOf(text));
  for (const [depth, name] of path.entries()) {
    const member = find(object, name);
    if (member === undefined) {
      const nested = path.slice(depth + 1).reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
      return insert(text, object, name, nested, style);
    }
    if (depth === path.length - 1) return replace(text, member, value, style);
    if (text[member.valueStart] !== "{") throw notAnObject(path.slice(0, depth + 1));
    object = readObject(text, member.valueStart);
  }
  return text;
}

/**
 * Removes a value, and objects around it that hold nothing else. A missing one is no error.
 *
 * @throws {JsonEditError} When the document is no JSON object.
 */
export function removeValue(text: string, path: readonly string[]): string {
  checkDocument(text);
  if (text.trim() === "") return text;
  const around: { object: ObjectSpan; member: Member }[] = [];
  let at = firstOf(text);
  for (const name of path) {
    if (text[at] !== "{") return text;
    const object = readObject(text, at), member = find(object, name);
    if (member === undefined) return text;
    around.push({ object, member });
    at = member.valueStart;
  }
  while (around.length > 1 && around.at(-1)!.object.members.length === 1) around.pop();
  const { object, member } = around.at(-1)!;
  return cut(text, object, member);
}

/** The value at a path; undefined if there is none. @throws {JsonEditError} */
export function readValue(text: string, path: readonly string[]): unknown {
  let value: unknown = checkDocument(text);
  for (const name of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

function checkDocument(text: string): unknown {
  if (text.trim() === "") return {};
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw new JsonEditError(`not JSON: ${(error as Error).message}`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new JsonEditError("must be a JSON object");
}

function notAnObject(path: readonly string[]): JsonEditError {
  return new JsonEditError(`${path.join(".")}: must be an object`);
}

function firstOf(text: string): number {
  return text.indexOf("{");
}

/** Go, and therefore dockerd, takes the last of several members of a name. */
function find({ members }: ObjectSpan, name: string): Member | undefined {
  return members.findLast((member) => member.name === name);
}

/** Reads an object of a document that is known to be JSON. @param start Where its bracket is. */
function readObject(text: string, start: number): ObjectSpan {
  const members: Member[] = [];
  let at = skipSpace(text, start + 1);
  while (text[at] !== "}") {
    const nameEnd = skipString(text, at);
    const valueStart = skipSpace(text, skipSpace(text, nameEnd) + 1);
    const end = skipValue(text, valueStart);
    members.push({ name: JSON.parse(text.slice(at, nameEnd)), start: at, valueStart, end });
    at = skipSpace(text, end);
    if (text[at] === ",") at = skipSpace(text, at + 1);
  }
  return { start, end: at, members };
}

function skipSpace(text: string, at: number): number {
  while (/\s/.test(text[at] ?? "")) at++;
  return at;
}

function skipString(text: string, at: number): number {
  for (at++; text[at] !== '"'; at++) if (text[at] === "\\") at++;
  return at + 1;
}

function skipValue(text: string, at: number): number {
  if (text[at] === '"') return skipString(text, at);
  if (text[at] !== "{" && text[at] !== "[") return at + /^[^\s,\]}]+/.exec(text.slice(at))![0].length;
  let depth = 0;
  do {
    if (text[at] === '"') {
      at = skipString(text, at);
      continue;
    }
    if (text[at] === "{" || text[at] === "[") depth++;
    if (text[at] === "}" || text[at] === "]") depth--;
    at++;
  } while (depth > 0);
  return at;
}

/** How a document is written: what a level is indented by, and how its lines end. */
interface Style {
  unit: string;
  newline: string;
}

function styleOf(text: string): Style {
  return {
    unit: /\n([ \t]+)"/.exec(text)?.[1] ?? "  ",
    newline: text.includes("\r\n") ? "\r\n" : "\n",
  };
}

/** The spaces at the beginning of the line of a place. */
function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(text.lastIndexOf("\n", at - 1) + 1))![0];
}

function format(value: Json, indent: string, { unit, newline }: Style): string {
  return JSON.stringify(value, null, unit).replaceAll("\n", newline + indent);
}

function replace(text: string, member: Member, value: Json, style: Style): string {
  const old = text.slice(member.valueStart, member.end);
  if (JSON.stringify(JSON.parse(old)) === JSON.stringify(value)) return text;
  const indent = indentAt(text, member.start);
  return text.slice(0, member.valueStart) + format(value, indent, style) + text.slice(member.end);
}

function insert(text: string, object: ObjectSpan, name: string, value: Json, style: Style): string {
  const last = object.members.at(-1);
  if (last === undefined) {
    const outer = indentAt(text, object.start), inner = outer + style.unit;
    const member = `${JSON.stringify(name)}: ${format(value, inner, style)}`;
    return text.slice(0, object.start + 1) + style.newline + inner + member + style.newline + outer +
      text.slice(object.end);
  }
  const oneLine = !text.slice(object.start, last.start).includes("\n");
  const indent = indentAt(text, last.start);
  const formatted = oneLine ? JSON.stringify(value) : format(value, indent, style);
  const between = oneLine ? ", " : `,${style.newline}${indent}`;
  return text.slice(0, last.end) + `${between}${JSON.stringify(name)}: ${formatted}` + text.slice(last.end);
}

function cut(text: string, { start, end, members }: ObjectSpan, member: Member): string {
  const index = members.indexOf(member), next = members[index + 1], before = members[index - 1];
  if (next) return text.slice(0, member.start) + text.slice(next.start);
  if (before) return text.slice(0, before.end) + text.slice(member.end);
  return text.slice(0, start + 1) + text.slice(end);
}
