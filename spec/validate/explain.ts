/**
 * The slow walk over the table of shapes. It finds every value of a document that does not have its shape,
 * and names its path.
 *
 * @module
 */
import { parseCpuList } from "../cpu_list.ts";
import { propertyPath, quote } from "../rules/report.ts";
import { inRange, type Range, type Shapes } from "../shapes.ts";
import { lookup } from "../tables.ts";
import { ABSENT, CPU_LIST, EMPTY, NAMES, NUL, outOfRange, RELATIVE, type Words } from "./messages.ts";
import type { Problem } from "./problem.ts";

/** A JSON object. */
type Json = Record<string, unknown>;

/** A value's place in a document, and in the table of shapes. */
interface Place {
  /** Such as `process.args[0]`. */
  readonly path: string;
  /** Such as `$process.args[]`. */
  readonly name: string;
}

/** Whether the value is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Properties whose values the specification, or runc, ignores, depending on the properties beside them. */
const IGNORED: Readonly<Record<string, (beside: Json) => boolean>> = {
  "$process.consoleSize": ({ terminal }) => terminal !== true,
  "$linux.seccomp": ({ seccomp }) => isObject(seccomp) && hasNoFilter(seccomp),
};

/** Whether a filter has neither a default action nor a rule. */
function hasNoFilter({ defaultAction, syscalls }: Json): boolean {
  return !defaultAction && (!syscalls || (Array.isArray(syscalls) && syscalls.length === 0));
}

/** Reads documents by their shapes, and collects the problems. */
export class Explainer {
  /** The problems. */
  readonly problems: Problem[] = [];
  /** Values that are read differently from the way they are written. */
  readonly notes: Problem[] = [];
  readonly #shapes: Shapes;

  /** @param shapes All shapes. */
  constructor(shapes: Shapes) {
    this.#shapes = shapes;
  }

  /**
   * Reads a document, or a value of one.
   *
   * @returns A copy of all values that have their shape, under the specification's names. Other values are
   * left out; in a list an empty object takes their place, so that the others keep their positions. Undefined
   * when the value itself does not have its shape.
   */
  read(value: unknown, shape: unknown, place: Place, beside: Json = {}): unknown {
    if (Array.isArray(shape)) return this.#readList(value, shape, place, beside);
    if (typeof shape === "object") return this.#readObject(value, shape as Json, place);
    const word = shape as string, first = word[0];
    if (first === "$") return this.#readObject(value, this.#shapes[word] as Json, { ...place, name: word });
    if (first === "#") return this.#readInteger(value, word, place);
    if (word === "b") {
      return typeof value === "boolean" ? value : this.#wrongType(place, "true or false", value);
    }
    if (typeof value !== "string") return this.#wrongType(place, "a string", value);
    const words = this.#refuseText(value, word, place, beside);
    return words === undefined ? value : this.#fail(place, words);
  }

  #readList(value: unknown, [shape, least = 0]: unknown[], place: Place, beside: Json): unknown {
    if (!Array.isArray(value)) return this.#wrongType(place, "an array", value);
    if (value.length < (least as number)) {
      return this.#fail(place, EMPTY[place.name] ?? ["must not be empty"]);
    }
    const name = `${place.name}[]`;
    const read = Array.from(
      value,
      (element, index) => this.read(element, shape, { path: `${place.path}[${index}]`, name }, beside),
    );
    const objects = typeof shape === "object" || (shape as string)[0] === "$";
    return objects ? read.map((element) => element ?? {}) : read.filter((element) => element !== undefined);
  }

  #readObject(value: unknown, shape: Json, place: Place): Json | undefined {
    if (!isObject(value)) return this.#wrongType(place, "an object", value);
    const read: [string, unknown][] = [];
    // Where all names are the specification's own, none is another spelling of one that is absent.
    const exact = Object.keys(value).every((name) => Object.hasOwn(shape, name));
    const keys = Object.hasOwn(shape, "*") ? Object.keys(value) : Object.keys(shape);
    for (const key of keys) {
      const wanted = shape["*"] ?? (key === "!" || key === "0" ? undefined : shape[key]);
      if (wanted === undefined) continue;
      const name: string | undefined = Object.hasOwn(value, key)
        ? key
        : exact
        ? undefined
        : this.#otherName(value, key, place);
      const given = name === undefined ? undefined : value[name];
      const at: Place = { path: propertyPath(place.path, name ?? key), name: `${place.name}.${key}` };
      if (given === undefined || given === null) {
        if ((shape["!"] as string[] | undefined)?.includes(key)) {
          this.#fail(at, ABSENT[at.name] ?? ["is required"]);
        }
        if ((shape["0"] as string[] | undefined)?.includes(key)) read.push([key, this.#zero(wanted, at)]);
      } else if (!IGNORED[at.name]?.(value)) {
        const property = this.read(given, wanted, at, value);
        if (property !== undefined) read.push([key, property]);
      }
    }
    return Object.fromEntries(read);
  }

  /**
   * The document's name of a property that it does not have in the specification's spelling: letter case is
   * ignored, as when Go reads JSON.
   */
  #otherName(value: Json, key: string, { path }: Place): string | undefined {
    const folded = key.toLowerCase();
    const name = Object.keys(value).find((name) => name.toLowerCase() === folded);
    if (name !== undefined) this.#note(propertyPath(path, name), `is read as ${key}`);
    return name;
  }

  /** The value that Go has for an absent property. */
  #zero(shape: unknown, place: Place): unknown {
    const first = typeof shape === "string" ? shape[0] : "";
    if (first === "#") this.#note(place.path, "is absent: 0 is meant");
    else if (first === "b") this.#note(place.path, "is absent: false is meant");
    else if (first === "s") this.#note(place.path, "is absent");
    if (first !== "") return first === "#" ? 0 : first === "b" ? false : "";
    return this.read({}, shape, place);
  }

  #readInteger(value: unknown, name: string, place: Place): unknown {
    if (typeof value !== "number" && typeof value !== "bigint") {
      return this.#wrongType(place, "an integer", value);
    }
    const range = this.#shapes[name] as Range;
    return inRange(value, range) ? value : this.#fail(place, outOfRange(name, range, value));
  }

  /** The problem of a text, if it has one. */
  #refuseText(text: string, shape: string, { name }: Place, beside: Json): Words | undefined {
    if (shape === "e") return refuseVariable(text);
    if (text.includes("\0")) return [NUL[name] ?? "must not contain a NUL byte"];
    if (shape[0] === "=") return this.#refuseName(text, shape, beside);
    if (shape === "c") return refuseCpuList(text, name);
    if (shape === "l" && text.includes("\n")) return ["must not contain newlines"];
    if (text === "" && (shape === "n" || Object.hasOwn(EMPTY, name))) {
      return EMPTY[name] ?? ["must not be empty"];
    }
    const relative = shape === "p" ? text[0] !== "/" : shape === "o" && text !== "" && text[0] !== "/";
    return relative ? [RELATIVE[name]?.(text) ?? "must be an absolute path"] : undefined;
  }

  #refuseName(name: string, table: string, beside: Json): Words | undefined {
    const names = this.#shapes[table] as Readonly<Record<string, unknown>>;
    if (lookup(names, name) !== undefined) return undefined;
    const known = Object.keys(names).filter((it) => it !== "").join(", ");
    return [NAMES[table](name, beside), `one of ${known}`];
  }

  #wrongType(place: Place, wanted: string, value: unknown): undefined {
    return this.#fail(place, [`must be ${wanted}, not ${typeName(value)}`]);
  }

  #fail({ path }: Place, [reason, fix]: Words): undefined {
    this.problems.push(fix === undefined ? { path, reason } : { path, reason, fix });
  }

  #note(path: string, reason: string): void {
    this.notes.push({ path, reason });
  }
}

/** `name=value`. */
function refuseVariable(variable: string): Words | undefined {
  const equals = variable.indexOf("=");
  if (equals < 0) return ["invalid environment variable: missing '='"];
  if (equals === 0) return ["invalid environment variable: name cannot be empty"];
  if (!variable.includes("\0")) return undefined;
  return [`invalid environment variable ${quote(variable.slice(0, equals))}: contains nul byte (\\x00)`];
}

function refuseCpuList(text: string, name: string): Words | undefined {
  try {
    parseCpuList(text);
    return undefined;
  } catch (error) {
    return [`${CPU_LIST[name]?.(text) ?? ""}${(error as Error).message}`];
  }
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "bigint") return "a number";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
