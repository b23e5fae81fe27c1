/**
 * Problems of a document, and their form in a message.
 *
 * @module
 */

/** One problem of a document. */
export interface Problem {
  /** Where: a JSON path such as `process.args[0]`, empty for the document as a whole. */
  path: string;
  /** Why it is wrong; runc's words where clients may know them. */
  reason: string;
  /** The remedy. */
  fix?: string;
}

/** The most problems that a line names. A document with more problems is wrong as a whole. */
const MOST_TOLD = 20;
/** The most characters of one of several problems; a value of the document may be of any length. */
const LONGEST = 600;

/**
 * The problems of a file in one line, reasons verbatim: all of them, or the first and how many more there
 * are.
 *
 * @param problems At least one.
 * @param file Name of the file, such as config.json.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatProblems, type Problem } from "./problem.ts";
 * const empty: Problem = { path: "process.args", reason: "args must not be empty" };
 * const line = formatProblems([empty], "config.json");
 * assertEquals(line, "config.json: process.args: args must not be empty");
 * ```
 */
export function formatProblems(problems: readonly Problem[], file: string): string {
  const count = problems.length === 1 ? "" : `${problems.length} problems: `;
  const more = problems.length > MOST_TOLD ? `; and ${problems.length - MOST_TOLD} more` : "";
  return `${file}: ${count}${problems.slice(0, MOST_TOLD).map(formatProblem).map(cutOff).join("; ")}${more}`;
}

function formatProblem({ path, reason, fix }: Problem): string {
  return `${path === "" ? "" : `${path}: `}${reason}${fix === undefined ? "" : ` (${fix})`}`;
}

function cutOff(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
