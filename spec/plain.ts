/**
 * A quick look at a document: does it have no problem?
 *
 * The full validation is 20 KB of code. Code that runs once costs some 0.4 ms per kilobyte to load and
 * compile: more than everything else that `create` does with the document. A document with only the usual
 * shapes (shapes.ts), for which the usual rules (rules/) report neither a problem nor a warning, therefore
 * skips the full validation.
 *
 * The quick look gives no reasons, and it may say no to a valid document. When it says yes, `validateConfig`
 * finds no problems and `configWarnings` no warnings. There is one exception: ambient capabilities that are
 * not inheritable are passed over, since `runc spec` writes them into every config. A test compares the two.
 *
 * The quick look does not search for NUL bytes: the text of a document shows whether it can hold one.
 *
 * @module
 */
import { checkRlimits } from "./rules/process.ts";
import { checkUsual } from "./rules/usual.ts";
import { warnCapabilities, warnUsual } from "./rules/warnings.ts";
import { fits, usualShapes } from "./shapes.ts";
import type { Process, Spec } from "./types.ts";

/**
 * Whether the document is a configuration without problems. False only means that the full validation has to
 * look.
 */
export function isPlainConfig(config: unknown): boolean {
  if (!fits(config, "$config", usualShapes())) return false;
  let plain = true;
  const stop = (path: string) => plain &&= path === "process.capabilities.ambient";
  checkUsual(config as Spec, stop);
  if (plain) warnUsual(config as Spec, stop);
  return plain;
}

/**
 * Whether the document is a process without problems. False only means that the full validation has to look.
 */
export function isPlainProcess(process: unknown): boolean {
  if (!fits(process, "$process", usualShapes())) return false;
  const { capabilities } = process as Process;
  let plain = true;
  const stop = (path: string) => plain &&= path === "capabilities.ambient";
  checkRlimits(process as Process, "", stop);
  warnCapabilities(capabilities, "capabilities.", stop);
  return plain;
}
