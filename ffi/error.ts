/**
 * The base of every error that tsrun throws: what was being done, on what, why, and a code that stays the same.
 * @module
 */

/** What an error knows. */
export interface ErrorFacts {
  /** Stable name of the kind of failure, such as `ENOENT_ROOTFS`: capital letters, digits and `_`. */
  code: string;
  /** What was being done: a verb, with what belongs to it. */
  operation: string;
  /** What it was done to, as a message shows it: a quoted path, a name; absent where the operation says it all. */
  object?: string;
  /** Why it failed, in the kernel's words where the kernel refused. */
  reason: string;
  /** The whole line, where clients know other words than `operation object: reason`. */
  message?: string;
}

/**
 * An error in one line, with its parts for those who want to tell one kind from another.
 *
 * @example
 * ```ts
 * import { TsrunError } from "./error.ts";
 * const error = new TsrunError({ code: "EBUSY_ROOTFS", operation: "open", object: '"/b"', reason: "busy" });
 * console.assert(error.message === 'open "/b": busy');
 * ```
 */
export class TsrunError extends Error {
  override name = "TsrunError";

  constructor(readonly facts: ErrorFacts, options?: ErrorOptions) {
    super(facts.message ?? lineOf(facts), options);
  }

  /** Stable name of the kind of failure. */
  get code(): string {
    return this.facts.code;
  }

  /** What was being done. */
  get operation(): string {
    return this.facts.operation;
  }

  /** What it was done to, `""` where the operation says it all. */
  get object(): string {
    return this.facts.object ?? "";
  }

  /** Why it failed. */
  get reason(): string {
    return this.facts.reason;
  }
}

function lineOf({ operation, object, reason }: ErrorFacts): string {
  return `${object ? `${operation} ${object}` : operation}: ${reason}`;
}
