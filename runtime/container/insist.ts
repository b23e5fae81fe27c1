/**
 * Calls that are made again when they fail.
 * @module
 */
import { OperationError } from "../../ffi/kernel.ts";

/** How often. */
const MORE_CHANCES = 2;

/**
 * Makes a call again that failed, for want of memory mostly: a program is about to run, or runs already,
 * and is not given up for that.
 *
 * @throws As the call does, when it fails each time.
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
