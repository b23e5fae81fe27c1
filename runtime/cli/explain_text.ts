/**
 * The steps of `explain` as text: a heading for each stage, and below it the steps with their calls.
 * @module
 */
import { printable } from "../../ffi/printable.ts";
import type { ExplainedStep } from "../container/explain/explain.ts";

/** Column of the config's path. */
const COLUMN = 64;

/** Escape sequences of terminals for headings, paths and calls (console_codes(4)). */
const BOLD = "\x1b[1m", CYAN = "\x1b[36m", DIM = "\x1b[2m", PLAIN = "\x1b[0m";

/** Writes steps. @param colours Whether the reader is a terminal. */
export function formatSteps(steps: readonly ExplainedStep[], colours: boolean): string {
  const paint = (colour: string, text: string) => colours ? `${colour}${text}${PLAIN}` : text;
  const lines: string[] = [];
  let heading = "";
  for (const { process, stage, step, config, calls } of steps) {
    const here = `${process}: ${stage}`;
    if (here !== heading) lines.push(...(heading === "" ? [] : [""]), paint(BOLD, printable(here)));
    heading = here;
    const words = printable(step);
    const path = config === "" ? "" : `${" ".repeat(Math.max(2, COLUMN - words.length))}${printable(config)}`;
    lines.push(`  ${words}${path === "" ? "" : paint(CYAN, path)}`);
    lines.push(...calls.map((call) => paint(DIM, `      ${printable(call)}`)));
  }
  return lines.join("\n") + "\n";
}
