/**
 * Reading of a document of unknown shape, noting what has the wrong type.
 *
 * @module
 */
import { lookup } from "../tables.ts";
import type { Problem } from "./problem.ts";

/** Largest unsigned 32-bit integer. */
export const UINT32 = 0xffff_ffff;

/** Largest user or group id; the next one means "no id" to the kernel. */
export const ID = 0xffff_fffe;

/** A JSON object. */
export type Json = Record<string, unknown>;

/** Whether the value is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text in quotes and escapes, for a message of one line. */
export const quote = (text: string): string => JSON.stringify(text);

/**
 * A JSON object of the document, with its path.
 *
 * Every reader returns the property's value if it has the wanted type, and else undefined; a property that is there
 * with another type is noted as a problem, an absent one (or `null`, as written by Go) is not.
 */
export class Section {
  constructor(readonly problems: Problem[], readonly value: Json, readonly path: string) {}

  /** Path of a property of this object. */
  at(key: string): string {
    if (!/^[A-Za-z_]\w*$/.test(key)) return `${this.path}[${quote(key)}]`;
    return this.path === "" ? key : `${this.path}.${key}`;
  }

  /** Notes a problem of a property. */
  fail(key: string, reason: string, fix?: string): undefined {
    this.note(this.at(key), reason, fix);
  }

  /** Notes a problem of an element of a list. */
  failItem(key: string, index: number, reason: string, fix?: string): void {
    this.note(`${this.at(key)}[${index}]`, reason, fix);
  }

  /** Notes a problem of this object as a whole. */
  failHere(reason: string, fix?: string): void {
    this.note(this.path, reason, fix);
  }

  /** Whether the property is there. */
  has(key: string): boolean {
    return this.value[key] !== undefined && this.value[key] !== null;
  }

  /** Notes each of the properties that is absent. */
  need(...keys: string[]): void {
    for (const key of keys) if (!this.has(key)) this.fail(key, "is required");
  }

  /** A string without NUL bytes, which no system call takes. */
  string(key: string, nul = "must not contain a NUL byte"): string | undefined {
    const value = this.value[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string") return this.wrongType(this.at(key), "a string", value);
    return value.includes("\0") ? this.fail(key, nul) : value;
  }

  /** A string that is a name of a table; for another name the reason is noted. */
  name<T>(
    key: string,
    table: Readonly<Record<string, T>>,
    reason: (name: string) => string,
  ): string | undefined {
    const value = this.string(key);
    if (value === undefined || lookup(table, value) !== undefined) return value;
    return this.fail(key, reason(value), `one of ${Object.keys(table).join(", ")}`);
  }

  /** A boolean. */
  boolean(key: string): boolean | undefined {
    const value = this.value[key];
    if (value === undefined || value === null || typeof value === "boolean") return value ?? undefined;
    return this.wrongType(this.at(key), "true or false", value);
  }

  /** An integer in a range whose bounds a number can hold. */
  integer(key: string, min: number, max: number): number | undefined {
    const value = this.value[key];
    if (value === undefined || value === null) return undefined;
    return this.checkInteger(this.at(key), value, min, max);
  }

  /** A 64-bit integer; 2^64 and 2^63 are what a plain JSON.parse makes of the largest ones. */
  integer64(key: string, kind: "signed" | "unsigned"): number | bigint | undefined {
    const value = this.value[key];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "bigint" && typeof value !== "number") {
      return this.wrongType(this.at(key), "an integer", value);
    }
    const [min, max] = kind === "signed" ? [-(2 ** 63), 2 ** 63] : [0, 2 ** 64];
    const whole = typeof value === "bigint" ? value < max : Number.isInteger(value) && value <= max;
    if (whole && value >= min) return value;
    return this.fail(
      key,
      `must be ${kind === "signed" ? "a signed" : "an unsigned"} 64-bit integer, not ${value}`,
    );
  }

  /** A list of strings without NUL bytes; elements of other types are noted and left out. */
  strings(key: string): string[] | undefined {
    return this.list(key)?.filter((value, index): value is string => {
      if (typeof value !== "string") {
        return this.wrongType(`${this.at(key)}[${index}]`, "a string", value) ?? false;
      }
      if (value.includes("\0")) this.failItem(key, index, "must not contain a NUL byte");
      return true;
    });
  }

  /** A list of integers in a range. */
  integers(key: string, min: number, max: number): number[] | undefined {
    return this.list(key)?.filter((value, index): value is number =>
      this.checkInteger(`${this.at(key)}[${index}]`, value, min, max) !== undefined
    );
  }

  /** An object. */
  object(key: string): Section | undefined {
    const value = this.value[key];
    if (value === undefined || value === null) return undefined;
    if (isObject(value)) return new Section(this.problems, value, this.at(key));
    return this.wrongType(this.at(key), "an object", value);
  }

  /** A list of objects; elements of other types are noted and left out. */
  objects(key: string): Section[] {
    const sections: Section[] = [];
    for (const [index, value] of this.list(key)?.entries() ?? []) {
      const path = `${this.at(key)}[${index}]`;
      if (isObject(value)) sections.push(new Section(this.problems, value, path));
      else this.wrongType(path, "an object", value);
    }
    return sections;
  }

  /** A list of anything. */
  list(key: string): unknown[] | undefined {
    const value = this.value[key];
    if (value === undefined || value === null || Array.isArray(value)) return value ?? undefined;
    return this.wrongType(this.at(key), "an array", value);
  }

  /** Names of the object's own properties. */
  keys(): string[] {
    return Object.keys(this.value);
  }

  private note(path: string, reason: string, fix?: string): undefined {
    this.problems.push(fix === undefined ? { path, reason } : { path, reason, fix });
  }

  private wrongType(path: string, wanted: string, value: unknown): undefined {
    return this.note(path, `must be ${wanted}, not ${typeName(value)}`);
  }

  private checkInteger(path: string, value: unknown, min: number, max: number): number | undefined {
    if (typeof value !== "number" && typeof value !== "bigint") {
      return this.wrongType(path, "an integer", value);
    }
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.note(path, `must be an integer from ${min} to ${max}, not ${value}`);
  }
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "bigint") return "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
