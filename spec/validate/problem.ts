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

/**
 * The problems of a file in one line, reasons verbatim.
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
  return `${file}: ${count}${problems.map(formatProblem).join("; ")}`;
}

function formatProblem({ path, reason, fix }: Problem): string {
  return `${path === "" ? "" : `${path}: `}${reason}${fix === undefined ? "" : ` (${fix})`}`;
}
