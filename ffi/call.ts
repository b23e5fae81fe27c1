/**
 * One call to the kernel: what it takes, what it answers, and how it fails.
 * @module
 */

import type { Buffer, Encodable } from "./memory.ts";
import { errnoName, strerror } from "./errno.ts";
import { type ErrorFacts, TsrunError } from "./errors.ts";
import type { ErrorCode } from "./errors.ts";

/** The answer of a call: not negative, or the negative errno of an allowed failure. */
export interface Result {
  /**
   * Returns the answer. A remote kernel first runs what it has recorded, where the answer is not known yet.
   *
   * @throws {OperationError} When this call, or one recorded before it, failed and its options do not allow
   * that.
   */
  wait(): number;
}

/** A result whose answer is known. */
export class Settled implements Result {
  constructor(readonly answer: number) {}

  wait(): number {
    return this.answer;
  }
}

/** A file descriptor: its number, or the result of the call that opens it. */
export type Fd = number | Result;

/** A word of memory that is read when the call is made: the first of a buffer, which a call wrote. */
export class Load {
  constructor(readonly buffer: Buffer) {}
}

/** The address of the word that a recorded call's result is stored in. */
export class AddressOf {
  constructor(readonly result: Result) {}
}

/** An argument of a system call: a result or its address, a word of memory, or an {@linkcode Encodable}. */
export type Arg = Encodable | Result | Load | AddressOf;

/** Whether an argument is the result of an earlier call. */
export function isResult(arg: Arg): arg is Result {
  return typeof arg === "object" && arg !== null && "wait" in arg;
}

/**
 * The answer that a repair gives in place of the failed call's: a descriptor that it has got in another way.
 */
export interface Answered {
  answer: number;
}

/**
 * Called when a call fails. It mends the cause, and returns whether to make the call again or to go on, or
 * what the call is to answer.
 */
export type Repair = (errno: number) => "retry" | "skip" | Answered;

/** How long to wait for calls, and what to throw after that time. */
export interface Deadline {
  milliseconds: number;
  otherwise: ErrorFacts;
}

/** How a call may fail. */
export interface CallOptions {
  /** Error numbers that are answers, not failures: the result is then negative. `any` allows all of them. */
  allow?: readonly number[] | "any";
  /** Called on a failure that is not allowed: mends the cause, or throws. Not called for its own calls. */
  repair?: Repair;
  /** What the call is for, where its own arguments tell a reader nothing. */
  doing?: string;
}

/** A system call that failed: what was being done, on what, and why. */
export class OperationError extends TsrunError {
  override name = "OperationError";

  /**
   * Its code is the error number's name and the call's: `ENOENT_OPENAT`.
   *
   * @param call Name of the system call.
   * @param errno Positive error number, see errno(3).
   * @param object The object of the call, `""` where the call's arguments tell a reader nothing.
   * @param doing The larger step that it was part of, `""` where there is none.
   */
  constructor(
    readonly call: string,
    readonly errno: number,
    object: string,
    readonly doing: string,
  ) {
    const reason = strerror(errno);
    const step = object !== "" ? `${call} ${object}` : doing !== "" ? "" : call;
    super({
      code: `${errnoName(errno).replace(" ", "_").toUpperCase()}_${call.toUpperCase()}` as ErrorCode,
      operation: doing || call,
      object,
      reason,
      message: [doing, step, reason].filter((part) => part !== "").join(": "),
    });
  }
}

/** An error that a repair threw. Where it names no step, the step that was being repaired is added. */
export function inStep(error: unknown, doing: string): unknown {
  if (!(error instanceof OperationError) || error.doing !== "") return error;
  return new OperationError(error.call, error.errno, error.object, doing);
}

/** The strings among a call's arguments, quoted: what an error message names. */
export function describeArgs(args: readonly Arg[]): string {
  return args.filter((a) => typeof a === "string" && a !== "").map((a) => JSON.stringify(a)).join(" ");
}
