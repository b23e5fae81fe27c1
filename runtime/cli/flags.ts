/**
 * Flags with runc's semantics, which are those of Go's `flag` package with options allowed after the
 * operands.
 *
 * `-name`, `--name`, `--name=value` and `--name value` all mean the same. Clients use single-dash long names
 * (go-runc sends `-no-subreaper`). A value may start with a dash. An unknown `-9` after the container id is
 * an operand. `@std/cli` cannot do any of this (it splits `-bundle` into letters, takes a missing value for
 * an empty one, and has no errors for unknown names), hence this parser.
 * @module
 */
import { exactInteger } from "../../spec/integers.ts";
import { RuntimeError } from "../../ffi/errors.ts";

/** One flag of a command. */
export interface Flag {
  readonly name: string;
  /** One letter. */
  readonly short?: string;
  /** `strings` may be given many times. A comma separates nothing. */
  readonly kind: "bool" | "string" | "int" | "strings";
  /** For the help, one line. */
  readonly usage: string;
  /** Value of a flag that is not given; else `false`, `""`, `0`, `[]`. */
  readonly default?: string | number;
  /** What shells offer for the value: words of a list, or paths. Any text where this is absent. */
  readonly values?: readonly string[] | "file" | "directory";
}

/** A mistake of the user in the command line. It is answered with the usage text. */
export class UsageError extends RuntimeError {
  override name = "UsageError";

  /** @param message What is wrong, in the words of runc's flag parser. */
  constructor(message: string) {
    super("EINVAL_USAGE", message);
  }
}

/** Values of the flags of one command line. A getter throws when the command declares no such flag. */
export class FlagValues {
  readonly #table: readonly Flag[];
  readonly #values: ReadonlyMap<string, FlagValue>;

  constructor(table: readonly Flag[], values: ReadonlyMap<string, FlagValue>) {
    this.#table = table;
    this.#values = values;
  }

  /** Whether the flag was given, with any value. */
  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** A switch. */
  bool(name: string): boolean {
    return this.#get(name, "bool", false) as boolean;
  }

  /** A text, empty when not given. */
  string(name: string): string {
    return this.#get(name, "string", "") as string;
  }

  /** A whole number. */
  int(name: string): number {
    const value = this.int64(name);
    if (typeof value === "number") return value;
    throw new UsageError(`invalid value "${value}" for flag -${name}: value out of range`);
  }

  /** The value of a flag for a 64-bit integer. */
  int64(name: string): number | bigint {
    return this.#get(name, "int", 0) as number | bigint;
  }

  /** All values of a flag that may be repeated, in order. */
  strings(name: string): string[] {
    return this.#get(name, "strings", []) as string[];
  }

  #get(name: string, kind: Flag["kind"], empty: FlagValue): FlagValue {
    const flag = this.#table.find((flag) => flag.name === name);
    if (flag?.kind !== kind) throw new TypeError(`no ${kind} flag "${name}" is declared`);
    return this.#values.get(name) ?? flag.default ?? empty;
  }
}

type FlagValue = boolean | string | number | bigint | string[];

/** A parsed command line. */
export interface ParsedLine {
  flags: FlagValues;
  /** Operands. */
  args: string[];
  /** `--help` or `-h` was given. */
  help: boolean;
}

/** Rules for parsing a command line. */
export interface ParseOptions {
  /**
   * Everything after the first operand is an operand: for global flags, and for the command line of `exec`.
   */
  stopAtOperand?: boolean;
  /** With {@linkcode stopAtOperand}: two dashes right behind the first operand are left out, as in runc. */
  dropDashes?: boolean;
  /** How many operands after the first may look like flags. */
  maxArgs?: number;
}

const HELP: Flag = { name: "help", short: "h", kind: "bool", usage: "show help" };

/**
 * Parses a command line.
 *
 * @param table Flags of the command. `--help` and `-h` are known to all commands.
 * @throws {UsageError} in the words of Go's flag package, which clients match: `flag needs an argument:
 * -name`, `flag provided but not defined: -name`, `invalid value ...`.
 */
export function parseFlags(
  table: readonly Flag[],
  argv: readonly string[],
  options: ParseOptions = {},
): ParsedLine {
  const values = new Map<string, FlagValue>();
  const args: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index];
    if (word === "--") {
      args.push(...argv.slice(index + 1));
      break;
    }
    if (word.length < 2 || word[0] !== "-") {
      if (options.stopAtOperand) {
        const rest = argv.slice(index + 1);
        args.push(word, ...options.dropDashes && rest[0] === "--" ? rest.slice(1) : rest);
        break;
      }
      args.push(word);
      continue;
    }
    const { name, value } = splitFlag(word);
    const flag = name === undefined ? undefined : findFlag(table, name);
    if (flag === undefined) {
      if (args.length > 0 && args.length < (options.maxArgs ?? Infinity)) {
        args.push(word);
        continue;
      }
      if (name === undefined) throw new UsageError(`bad flag syntax: ${word}`);
      throw new UsageError(`flag provided but not defined: -${name}`);
    }
    if (value !== undefined || flag.kind === "bool") {
      store(values, flag, name!, value ?? "true");
    } else {
      if (++index >= argv.length) throw new UsageError(`flag needs an argument: -${name}`);
      store(values, flag, name!, argv[index]);
    }
  }
  const help = values.get("help") === true;
  return { flags: new FlagValues(table, values), args, help };
}

/** The two parts of `--name=value`. A word that is no flag, such as `---x`, has no name. */
function splitFlag(word: string): { name?: string; value?: string } {
  const body = word.slice(word.startsWith("--") ? 2 : 1);
  if (body[0] === "-" || body[0] === "=") return {};
  const equals = body.indexOf("=");
  return equals < 0 ? { name: body } : { name: body.slice(0, equals), value: body.slice(equals + 1) };
}

function findFlag(table: readonly Flag[], name: string): Flag | undefined {
  const matches = (flag: Flag) => flag.name === name || flag.short === name;
  return table.find(matches) ?? (matches(HELP) ? HELP : undefined);
}

/** @param given The name in the command line, for messages. */
function store(values: Map<string, FlagValue>, flag: Flag, given: string, text: string): void {
  switch (flag.kind) {
    case "bool": {
      const value = parseBool(text);
      if (value === undefined) {
        throw new UsageError(`invalid boolean value ${JSON.stringify(text)} for -${given}: parse error`);
      }
      values.set(flag.name, value);
      break;
    }
    case "int": {
      if (!/^[+-]?(\d+|0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.test(text)) {
        throw new UsageError(`invalid value ${JSON.stringify(text)} for flag -${given}: parse error`);
      }
      const size = BigInt(text.replace(/^[+-]/, "")), value = text.startsWith("-") ? -size : size;
      if (value !== BigInt.asIntN(64, value)) {
        throw new UsageError(`invalid value ${JSON.stringify(text)} for flag -${given}: value out of range`);
      }
      values.set(flag.name, exactInteger(value));
      break;
    }
    case "strings":
      values.set(flag.name, [...(values.get(flag.name) as string[] | undefined ?? []), text]);
      break;
    default:
      values.set(flag.name, text);
  }
}

/** Go's strconv.ParseBool: `1 t T TRUE true True 0 f F FALSE false False`, nothing else. */
export function parseBool(text: string): boolean | undefined {
  switch (text) {
    case "1":
    case "t":
    case "T":
    case "TRUE":
    case "true":
    case "True":
      return true;
    case "0":
    case "f":
    case "F":
    case "FALSE":
    case "false":
    case "False":
      return false;
  }
  return undefined;
}
