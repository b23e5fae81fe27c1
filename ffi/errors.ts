/**
 * The base of every error that tsrun throws: what was being done, on what, why, and a stable code.
 * @module
 */

import { printable } from "./printable.ts";

/** A code: the name of an error number, and the object it is about, such as `ENOENT_ROOTFS`. */
export type ErrorCode = `E${string}_${string}`;

/** The parts of an error. */
export interface ErrorFacts {
  /** Stable name of the kind of failure, such as `ENOENT_ROOTFS`: capital letters, digits and `_`. */
  code: ErrorCode;
  /** What was being done: a verb, with what belongs to it. */
  operation: string;
  /**
   * The object of the operation as a message shows it: a quoted path, a name. Absent where the operation says
   * it all.
   */
  object?: string;
  /** Why it failed, in the kernel's words where the kernel refused. */
  reason: string;
  /** The whole line, where clients expect other words than `operation object: reason`. */
  message?: string;
}

/**
 * An error in one line. Its parts let a caller tell one kind from another.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { TsrunError } from "./errors.ts";
 * const error = new TsrunError({ code: "EBUSY_ROOTFS", operation: "open", object: '"/b"', reason: "busy" });
 * assertEquals(error.message, 'open "/b": busy');
 * ```
 */
export class TsrunError extends Error {
  /** The class's name, for messages of the engine. */
  override name: string = "TsrunError";

  /** Stable name of the kind of failure. */
  readonly code: ErrorCode;
  /** What was being done. */
  readonly operation: string;
  /** The object of the operation, `""` where the operation says it all. */
  readonly object: string;
  /** Why it failed. */
  readonly reason: string;

  /** Makes the line of its parts. */
  constructor(facts: ErrorFacts, options?: ErrorOptions) {
    // What is quoted came from outside.
    super(printable(facts.message ?? lineOf(facts)), options);
    ({ code: this.code, operation: this.operation, object: this.object = "", reason: this.reason } = facts);
  }
}

function lineOf({ operation, object, reason }: ErrorFacts): string {
  return `${object ? `${operation} ${object}` : operation}: ${reason}`;
}

/**
 * An error of the runtime: what one or several failed calls mean to the user.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { RuntimeError } from "./errors.ts";
 * const error = new RuntimeError("ENOENT_CONTAINER", "container does not exist");
 * assertEquals(error.exitCode, 1);
 * ```
 */
export class RuntimeError extends TsrunError {
  /** The class's name, for messages of the engine. */
  override name: string = "RuntimeError";

  /**
   * Takes the line apart, where its parts are not given.
   *
   * @param code Stable name of the kind of failure; docs/errors.md lists them.
   * @param message One line, in runc's terms where clients parse it. The reason is what follows its last
   * colon.
   * @param exitCode Exit status of the command; runc uses 1, and 255 for a failed exec.
   * @param parts Those of the error that this one tells in other words.
   */
  constructor(
    code: ErrorCode,
    message: string,
    /** Exit status of the command. */
    readonly exitCode: number = 1,
    parts: Pick<ErrorFacts, "operation" | "object" | "reason"> = partsOf(message),
  ) {
    const { operation, object, reason } = parts;
    super({ code, operation, object, reason, message });
  }

  /**
   * Makes another error of one that was caught: with a line for the user, and the parts and stack of the
   * first.
   */
  static from(
    error: unknown,
    message: string,
    exitCode: number | undefined = exitCodeOf(error),
  ): RuntimeError {
    const meaning = new RuntimeError(
      codeOf(error),
      message,
      exitCode,
      error instanceof TsrunError ? error : undefined,
    );
    if (error instanceof Error) meaning.stack = error.stack;
    return meaning;
  }
}

/** The object of a message, at the end of what was being done or in it: a quoted text, or a path. */
const OBJECT = /"(?:[^"\\]|\\.)*"|(?<=^|\s)\/[^\s:;,]*/g;

/**
 * The parts of a message: the reason is what follows the last colon, and the object is the last quoted text
 * or path before it, or else after it.
 */
function partsOf(message: string): { operation: string; object: string; reason: string } {
  const colon = message.lastIndexOf(": ");
  const reason = colon < 0 ? message : message.slice(colon + 2);
  const operation = colon < 0 ? "" : message.slice(0, colon);
  const object = operation.match(OBJECT)?.at(-1) ?? reason.match(OBJECT)?.[0] ?? "";
  return { operation: operation.replace(object, "").trim().replaceAll("  ", " "), object, reason };
}

/** The code of an error; `EFAULT_INTERNAL` for an error that is a mistake of the program. */
export function codeOf(error: unknown): ErrorCode {
  if (error instanceof TsrunError) return error.code;
  return error instanceof Error && OS_ERROR.test(error.message) ? "EIO_HOST" : "EFAULT_INTERNAL";
}

function exitCodeOf(error: unknown): number | undefined {
  return error instanceof RuntimeError ? error.exitCode : undefined;
}

/**
 * Why something failed, in the kernel's words and lower case: `No such file or directory (os error 2): open
 * '/x'` becomes `no such file or directory`. For messages of the form `open /x: <reason>`.
 *
 * @param error The caught value. Anything that is not an operating system error gives its own message.
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const end = message.indexOf(" (os error ");
  return end < 0 ? message : message.slice(0, end).toLowerCase();
}

/**
 * Deno's message for a failed operation: the reason, the errno, the name of the operation, and its object.
 */
const OS_ERROR = /^(.*) \(os error \d+\)(?:: (?:(\w+?)(?:file)? )?(.*))?$/s;

/**
 * An error in one line. Messages of Deno's own operations are reordered: `No space left on device (os error
 * 28): writefile '/x'` becomes `write '/x': no space left on device`.
 *
 * @param error The error that was caught.
 */
export function lineOfError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const parts = OS_ERROR.exec(message);
  if (parts === null) return message;
  const [, reason, operation, object] = parts;
  return [[operation, object].filter(Boolean).join(" "), reason.toLowerCase()].filter(Boolean).join(": ");
}

/**
 * Tells failures of the host from mistakes of the program: if the kernel refused an operation of Deno, its
 * error becomes one of tsrun.
 *
 * @returns Any other error itself.
 */
export function ownError(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TsrunError || !OS_ERROR.test(error.message)) return error;
  return RuntimeError.from(error, lineOfError(error));
}
