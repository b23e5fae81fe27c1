/**
 * The steps of `explain` as text: a heading for each stage, and below it the steps with their calls.
 * @module
 */
import { printable } from "../../ffi/printable.ts";
import type { ExplainedStep } from "../container/explain/explain.ts";
import type { Paint } from "./colours.ts";

/** Column of the config's path. */
const COLUMN = 64;

/** Writes steps: headings bold, paths in cyan, calls dim. */
export function formatSteps(steps: readonly ExplainedStep[], paint: Paint): string {
  const lines: string[] = [];
  let heading = "";
  for (const { process, stage, step, config, calls } of steps) {
    const here = `${process}: ${stage}`;
    if (here !== heading) lines.push(...(heading === "" ? [] : [""]), paint("bold", printable(here)));
    heading = here;
    const words = printable(step);
    const path = config === "" ? "" : `${" ".repeat(Math.max(2, COLUMN - words.length))}${printable(config)}`;
    lines.push(`  ${words}${path === "" ? "" : paint("cyan", path)}`);
    lines.push(...calls.map((call) => paint("dim", `      ${printable(call)}`)));
  }
  return lines.join("\n") + "\n";
}
