/**
 * What has been done, and how it is undone, should the rest fail.
 * @module
 */

import { lineOfError, reasonOf, RuntimeError } from "../../ffi/errors.ts";

/**
 * Steps that undo what has been done, the last one first. Its scope's end runs them, unless everything is to
 * {@linkcode keep stay}. A step that fails does not keep the others from running.
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

  /** Says how to undo what has just been done. */
  add(step: () => void | Promise<void>): void {
    this.#steps.push(step);
  }

  /** Everything stays. */
  keep(): void {
    this.#steps = [];
  }

  /** @throws {RuntimeError} `cleaning up failed: <reason>; <reason>`: what could not be undone. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: string[] = [];
    for (const step of this.#steps.splice(0).reverse()) {
      try {
        await step();
      } catch (error) {
        failures.push(reasonOf(error));
      }
    }
    if (failures.length > 0) throw new RuntimeError(`cleaning up failed: ${failures.join("; ")}`);
  }
}

/** What failed, and, where undoing failed too, why. */
export function reasonWithUndo(error: unknown): string {
  return error instanceof SuppressedError
    ? `${reasonWithUndo(error.suppressed)}; and ${reasonOf(error.error)}`
    : lineOfError(error);
}

/** What failed, without what undoing said. */
export function causeOf(error: unknown): unknown {
  return error instanceof SuppressedError ? causeOf(error.suppressed) : error;
}
