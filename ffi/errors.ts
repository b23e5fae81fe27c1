/**
 * An error that a user of the command sees as one line: what was being done, on what, and why.
 *
 * @example
 * ```ts
 * import { RuntimeError } from "./errors.ts";
 * const error = new RuntimeError("container does not exist");
 * console.assert(error.exitCode === 1);
 * ```
 */
export class RuntimeError extends Error {
  override name = "RuntimeError";

  /**
   * @param message One line, in runc's terms where clients parse it.
   * @param exitCode Exit status of the command; runc uses 1, and 255 for a failed exec.
   */
  constructor(message: string, readonly exitCode: number = 1) {
    super(message);
  }
}

/**
 * Why something failed, in the kernel's words and lower case: `No such file or directory (os error 2): open '/x'`
 * becomes `no such file or directory`. For messages of the form `open /x: <reason>`.
 *
 * @param error What was caught; anything that is not an operating system error gives its own message.
 */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const end = message.indexOf(" (os error ");
  return end < 0 ? message : message.slice(0, end).toLowerCase();
}
