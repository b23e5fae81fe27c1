/**
 * A quick look at a document: does it have no problem?
 *
 * The full validation is 20 KB of code. Code that runs once costs some 0.4 ms per kilobyte to load and
 * compile: more than everything else that `create` does with the document. A document with only the usual
 * shapes (shapes.ts), for which the usual rules (rules/) report no problem, therefore skips the full
 * validation.
 *
 * The quick look gives no reasons, and it may say no to a valid document. When it says yes, `explainConfig`
 * finds no problems, the same document and the same warnings. A test compares the two.
 *
 * The quick look does not search for NUL bytes: the text of a document shows whether it can hold one.
 *
 * @module
 */
import { checkRlimits } from "./rules/process.ts";
import type { Report } from "./rules/report.ts";
import { checkUsual } from "./rules/usual.ts";
import { warnCapabilities, warnUsual } from "./rules/warnings.ts";
import { fits, usualShapes } from "./shapes.ts";
import type { Process, Spec } from "./types.ts";

/**
 * Whether the document is a configuration without a problem. False means that the quick look cannot tell.
 *
 * @param warn Called for everything in such a document that is not carried out as it is written.
 */
export function isPlainConfig(config: unknown, warn: Report = () => {}): boolean {
  if (!fits(config, "$config", usualShapes())) return false;
  let plain = true;
  checkUsual(config as Spec, () => plain = false);
  if (plain) warnUsual(config as Spec, warn);
  return plain;
}

/** Whether the document is a process without a problem. False and `warn` are as in `isPlainConfig`. */
export function isPlainProcess(process: unknown, warn: Report = () => {}): boolean {
  if (!fits(process, "$process", usualShapes())) return false;
  let plain = true;
  checkRlimits(process as Process, "", () => plain = false);
  if (plain) warnCapabilities((process as Process).capabilities, "capabilities.", warn);
  return plain;
}
