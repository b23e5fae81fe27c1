/**
 * Makes calls again that fail.
 * @module
 */
import { OperationError } from "../../ffi/kernel.ts";

/** How many times a failed call is made again. */
const MORE_CHANCES = 2;

/**
 * Makes a call that fails again, up to a limit. Such calls fail mostly for want of memory. They belong to a
 * program that is about to run, or runs already, and that must not be given up for this.
 *
 * @throws The error of the last call.
 */
export function insist<T>(call: () => T): T {
  for (let chances = MORE_CHANCES;; chances--) {
    try {
      return call();
    } catch (error) {
      if (chances === 0 || !(error instanceof OperationError)) throw error;
    }
  }
}
