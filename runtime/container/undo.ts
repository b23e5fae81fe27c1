/**
 * Undoes the finished steps of a command whose next step fails.
 * @module
 */

import { lineOfError, reasonOf, RuntimeError } from "../../ffi/errors.ts";

/**
 * Functions that undo what has been done. They run at the end of the scope, the last one first, unless
 * {@linkcode keep} was called. A function that fails does not keep the others from running.
 *
 * @example
 * ```ts
 * import { UndoStack } from "./undo.ts";
 * export async function make(path: string) {
 *   await using undo = new UndoStack();
 *   Deno.mkdirSync(path);
 *   undo.add(() => Deno.removeSync(path));
 *   // Whatever is thrown from here on removes the directory.
 *   Deno.writeTextFileSync(`${path}/file`, "");
 *   undo.keep();
 * }
 * ```
 */
export class UndoStack implements AsyncDisposable {
  #steps: (() => void | Promise<void>)[] = [];

  /** Adds the function that undoes the last step. */
  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Keeps everything: nothing will be undone. */
  keep(): void {
    this.#steps = [];
  }

  /** @throws {RuntimeError} `cleaning up failed: <reason>; <reason>`: what could not be undone, and why. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: string[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(reasonOf(error));
      }
    }
    if (failures.length > 0) {
      throw new RuntimeError("EIO_CLEANUP", `cleaning up failed: ${failures.join("; ")}`);
    }
  }
}

/** The reason of a failure, followed by the reason why undoing failed, if it did. */
export function reasonWithUndo(error: unknown): string {
  return error instanceof SuppressedError
    ? `${reasonWithUndo(error.suppressed)}; and ${reasonOf(error.error)}`
    : lineOfError(error);
}

/** The error of the failed step, without the errors of undoing. */
export function causeOf(error: unknown): unknown {
  return error instanceof SuppressedError ? causeOf(error.suppressed) : error;
}
