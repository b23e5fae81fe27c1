/**
 * Asks the kernel whether a filesystem takes options, without making one: the context of fsopen(2) is
 * configured and closed.
 * @module
 */

import { strerror } from "../ffi/errno.ts";
import type { Kernel } from "../ffi/kernel.ts";
import { needsClassicMount } from "./classic_mount.ts";
import { splitData } from "./filesystem.ts";

/** An option that the kernel does not take. */
export interface RefusedOption {
  option: string;
  /** The kernel's words, or the errno's. */
  reason: string;
}

/**
 * Tries the options of a filesystem one by one.
 *
 * @param type One that the kernel has: for another it would load a module.
 * @param data Options of the filesystem itself.
 * @returns The refused ones; none where the caller may not open a filesystem, so that nothing is known.
 */
export function tryOptions(k: Kernel, type: string, data: readonly string[]): RefusedOption[] {
  const options = splitData(type, data);
  if (
    options.length === 0 || needsClassicMount({ type, source: "", data, flags: 0, attributes: 0 }, options)
  ) {
    return [];
  }
  const context = k.fsopen(type, { allow: "any" }).wait();
  if (context < 0) return [];
  const refused: RefusedOption[] = [];
  try {
    for (const option of options) {
      const equals = option.indexOf("="), key = equals < 0 ? option : option.slice(0, equals);
      const value = equals < 0 ? null : option.slice(equals + 1);
      const answer = k.fsconfig(context, key, value, { allow: "any" }).wait();
      if (answer < 0) refused.push({ option, reason: explanation(k, context) ?? strerror(-answer) });
    }
  } finally {
    k.close(context);
  }
  return refused;
}

/** The kernel's explanation in the context: fsopen(2). Messages begin with their kind: `e ` is an error. */
function explanation(k: Kernel, context: number): string | undefined {
  const message = k.buffer(512), length = k.call("read", [context, message, 511], { allow: "any" }).wait();
  return length > 2 ? message.text(length).slice(2).trim() : undefined;
}
