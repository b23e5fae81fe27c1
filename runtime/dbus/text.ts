/**
 * Values as text: the part of GVariant's text format that annotations use for unit properties.
 *
 * `true`, `12`, `1.5`, `'text'`, `b'bytes'`, `[1, 2]`, `<variant>`, `uint64 12`, `@au [1, 2]`. A number
 * without a type is an `int32`, or a `double` where it has a point or an exponent. Structures and
 * dictionaries are errors, because no property of a scope needs them. Source: GLib reference, "GVariant Text
 * Format".
 * @module
 */
import type { Value, Variant } from "./value.ts";
import { endOfType } from "./value.ts";

const TYPE_NAMES: Record<string, string> = {
  boolean: "b",
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  int64: "x",
  uint64: "t",
  double: "d",
  string: "s",
  objectpath: "o",
  signature: "g",
};

const RANGES: Record<string, readonly [least: bigint, most: bigint]> = {
  y: [0n, 0xffn],
  n: [-0x8000n, 0x7fffn],
  q: [0n, 0xffffn],
  i: [-0x8000_0000n, 0x7fff_ffffn],
  u: [0n, 0xffff_ffffn],
  x: [-(2n ** 63n), 2n ** 63n - 1n],
  t: [0n, 2n ** 64n - 1n],
};

const ESCAPES: Record<string, string> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\n": "",
};

/**
 * Parses the text of a value.
 *
 * @throws {TypeError} with the mistake in the text.
 */
export function parseVariant(text: string): Variant {
  const parser = new Parser(text);
  const variant = parser.value(undefined);
  parser.end();
  return variant;
}

class Parser {
  #at = 0;

  constructor(readonly text: string) {}

  end(): void {
    this.#blank();
    if (this.#at < this.text.length) throw this.#unexpected();
  }

  /** Parses a value, of the given type where there is one. */
  value(type: string | undefined): Variant {
    this.#blank();
    const rest = this.text.slice(this.#at);
    const first = rest[0];
    if (first === "@") return this.#annotated(type);
    if (first === "'" || first === '"') return this.#string(type);
    if (/^b['"]/.test(rest)) return this.#bytes(type);
    if (first === "[") return this.#array(type);
    if (first === "<") return this.#variant(type);
    if (first !== undefined && /[-+.\d]/.test(first)) return this.#number(type);
    const word = /^[a-z0-9]+/.exec(rest)?.[0] ?? "";
    if (word === "true" || word === "false") {
      this.#at += word.length;
      return this.#typed("b", type, word === "true");
    }
    const named = Object.hasOwn(TYPE_NAMES, word) ? TYPE_NAMES[word] : undefined;
    if (named === undefined) throw this.#unexpected();
    if (type !== undefined && type !== named) throw this.#not(word, type);
    this.#at += word.length;
    return this.value(named);
  }

  #annotated(type: string | undefined): Variant {
    this.#at++;
    const end = endOfType(this.text, this.#at);
    const given = this.text.slice(this.#at, end);
    if (type !== undefined && type !== given) throw this.#not(`@${given}`, type);
    this.#at = end;
    return this.value(given);
  }

  #string(type: string | undefined): Variant {
    const text = this.#quoted();
    if (type === "o" || type === "g") return { signature: type, value: text };
    return this.#typed("s", type, text);
  }

  /** Parses bytes. They end in a NUL of their own. */
  #bytes(type: string | undefined): Variant {
    this.#at++;
    return this.#typed("ay", type, new TextEncoder().encode(this.#quoted() + "\0"));
  }

  #number(type: string | undefined): Variant {
    const word = /^[-+.\w]+/.exec(this.text.slice(this.#at))![0];
    this.#at += word.length;
    const isInteger = /^[-+]?(0x[\da-f]+|\d+)$/i.test(word);
    if (type === "d" || type === undefined && !isInteger) {
      const double = Number(word);
      if (word.trim() === "" || Number.isNaN(double)) {
        throw new TypeError(`bad number ${JSON.stringify(word)}`);
      }
      return { signature: "d", value: double };
    }
    const kind = type ?? "i";
    const range = RANGES[kind];
    if (range === undefined || !isInteger) throw this.#not(word, kind);
    const integer = parseInteger(word);
    if (integer < range[0] || integer > range[1]) throw this.#not(word, kind);
    return { signature: kind, value: kind === "x" || kind === "t" ? integer : Number(integer) };
  }

  #array(type: string | undefined): Variant {
    if (type !== undefined && type[0] !== "a") throw this.#not("[", type);
    let element = type?.slice(1);
    const values: Value[] = [];
    this.#at++;
    for (this.#blank(); !this.#taken("]"); this.#blank()) {
      if (values.length > 0) this.#take(",");
      const one = this.value(element);
      element = one.signature;
      values.push(one.value);
      this.#blank();
    }
    if (element === undefined) throw new TypeError("an empty array needs a type, such as @as []");
    const value = element === "y" ? new Uint8Array(values as number[]) : values;
    return { signature: `a${element}`, value };
  }

  #variant(type: string | undefined): Variant {
    this.#at++;
    const inner = this.value(undefined);
    this.#blank();
    this.#take(">");
    return this.#typed("v", type, inner);
  }

  /** Parses a text between quotes of either kind, and undoes its escapes. */
  #quoted(): string {
    const quote = this.text[this.#at++];
    let out = "";
    for (;;) {
      const one = this.text[this.#at++];
      if (one === undefined) throw new TypeError("unterminated string");
      if (one === quote) return out;
      if (one !== "\\") out += one;
      else out += this.#escape();
    }
  }

  #escape(): string {
    const letter = this.text[this.#at++];
    if (letter === undefined) throw new TypeError("unterminated string");
    if (letter !== "u" && letter !== "U") return ESCAPES[letter] ?? letter;
    const size = letter === "u" ? 4 : 8;
    const digits = this.text.slice(this.#at, this.#at + size);
    const point = /^[\da-f]+$/i.test(digits) && digits.length === size ? parseInt(digits, 16) : Infinity;
    if (point > 0x10ffff) throw new TypeError(`bad unicode escape \\${letter}${digits}`);
    this.#at += size;
    return String.fromCodePoint(point);
  }

  #typed(own: string, wanted: string | undefined, value: Value): Variant {
    if (wanted !== undefined && wanted !== own) throw this.#not(JSON.stringify(value), wanted);
    return { signature: own, value };
  }

  #blank(): void {
    while (/\s/.test(this.text[this.#at] ?? "")) this.#at++;
  }

  #taken(sign: string): boolean {
    if (this.text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #take(sign: string): void {
    if (!this.#taken(sign)) throw this.#unexpected();
  }

  #unexpected(): TypeError {
    const rest = this.text.slice(this.#at);
    return new TypeError(rest === "" ? "unexpected end" : `unexpected ${JSON.stringify(rest)}`);
  }

  #not(what: string, type: string): TypeError {
    return new TypeError(`${what} is not of type ${JSON.stringify(type)}`);
  }
}

/** Parses an integer: decimal, hexadecimal after `0x`, octal after `0`. */
function parseInteger(word: string): bigint {
  const [, sign, digits] = /^([-+]?)(.*)$/.exec(word)!;
  const octal = /^0[0-7]+$/.test(digits);
  if (/^0\d+$/.test(digits) && !octal) throw new TypeError(`bad number ${JSON.stringify(word)}`);
  const value = BigInt(octal ? `0o${digits.slice(1)}` : digits);
  return sign === "-" ? -value : value;
}
