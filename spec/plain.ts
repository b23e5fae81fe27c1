/**
 * A quick look at a document: is there nothing wrong with it?
 *
 * The full validation is 20 KB of code. Code that runs once costs some 0.4 ms per kilobyte to load and
 * compile: more than everything else that `create` does with the document. So a document of the usual shapes
 * (shapes.ts), for which the usual rules (rules/) have neither a problem nor a warning, goes its way without
 * it.
 *
 * Nothing here says why something is wrong, and it may say no to what is right. What it says yes to,
 * `validateConfig` has no problems with and `configWarnings` no warnings about, but for one: ambient
 * capabilities that are not inheritable are passed over, since `runc spec` writes them into every config. A
 * test holds them together.
 *
 * NUL bytes are not looked for: the text of a document shows whether there can be one.
 *
 * @module
 */
import { checkRlimits } from "./rules/process.ts";
import { checkUsual } from "./rules/usual.ts";
import { warnCapabilities, warnUsual } from "./rules/warnings.ts";
import { fits, usualShapes } from "./shapes.ts";
import type { Process, Spec } from "./types.ts";

/** Whether the document is a configuration with nothing wrong in it; false says nothing. */
export function isPlainConfig(config: unknown): boolean {
  if (!fits(config, "$config", usualShapes())) return false;
  let plain = true;
  const stop = (path: string) => plain &&= path === "process.capabilities.ambient";
  checkUsual(config as Spec, stop);
  if (plain) warnUsual(config as Spec, stop);
  return plain;
}

/** Whether the document is a process with nothing wrong in it; false says nothing. */
export function isPlainProcess(process: unknown): boolean {
  if (!fits(process, "$process", usualShapes())) return false;
  const { capabilities } = process as Process;
  let plain = true;
  const stop = (path: string) => plain &&= path === "capabilities.ambient";
  checkRlimits(process as Process, "", stop);
  warnCapabilities(capabilities, "capabilities.", stop);
  return plain;
}
