/**
 * A file descriptor of this process that its scope owns.
 * @module
 */

import type { Kernel, Result } from "./kernel.ts";

/**
 * A descriptor that is closed when its scope ends. It is a {@linkcode Result}, so every call accepts it.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { Descriptor } from "./descriptor.ts";
 * import { local } from "./local.ts";
 * using root = new Descriptor(local(), local().open("/", 0));
 * assert(root.wait() >= 0);
 * ```
 */
export class Descriptor implements Result, Disposable {
  #number: number;

  /**
   * @param k The kernel of the process that the descriptor belongs to.
   * @param opened The call that opened it, or its number. A negative number is an allowed failure; nothing is
   * closed then.
   */
  constructor(readonly k: Kernel, opened: Result | number) {
    this.#number = typeof opened === "number" ? opened : opened.wait();
  }

  /** Its number, or the negative errno of an allowed failure; -1 after it was closed or released. */
  wait(): number {
    return this.#number;
  }

  /** The number, which {@linkcode wait} returns too. */
  get fd(): number {
    return this.#number;
  }

  /** Releases it: the caller closes it from here on. */
  release(): number {
    const number = this.#number;
    this.#number = -1;
    return number;
  }

  [Symbol.dispose](): void {
    const number = this.release();
    if (number >= 0) this.k.close(number);
  }
}
