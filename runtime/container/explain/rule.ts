/**
 * The form of a rule that says what a call is for.
 * @module
 */

import type { Spec } from "../../../spec/types.ts";
import type { DryCall } from "../../host/dry/dry_run.ts";

/** A text, or a function that makes it of what the pattern has found. */
export type RuleText = string | ((found: RegExpExecArray, spec: Spec, call: DryCall) => string);

/** A rule: processes, stages and calls that it is for, the words, and the path in the config. */
export interface Rule {
  /** Names joined by `|`; absent for all. */
  process?: string;
  stage?: string;
  /** Looked for in the text of the call. */
  call?: RegExp;
  /** Looked for in the step's words, instead of in the call. */
  step?: RegExp;
  words: RuleText;
  /** Empty: every container has it. */
  config: RuleText;
}
