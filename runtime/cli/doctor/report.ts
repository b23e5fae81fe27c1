/**
 * The findings of `tsrun doctor` as people and programs read them: docs/tools.md has the JSON.
 * @module
 */

import { printable, printableJson } from "../../../ffi/printable.ts";
import type { Colour, Paint } from "../colours.ts";
import { type Examined, verdict } from "./doctor.ts";
import type { Finding, Health } from "./finding.ts";

const COLOURS: Readonly<Record<Health, Colour>> = { ok: "green", limited: "yellow", missing: "red" };

/** A paragraph for each group, one line for each finding, and lines of what it means and what mends it. */
export function formatExamination(examined: readonly Examined[], paint: Paint): string {
  const groups = examined.map(({ group, findings }) => {
    const width = Math.max(...findings.map(({ name }) => name.length));
    return `${paint("bold", group.title)}\n${findings.map((it) => lines(it, width, paint)).join("")}`;
  });
  return `${groups.join("\n")}\n${summary(examined, paint)}\n`;
}

function lines({ name, state, says, means, mend }: Finding, width: number, paint: Paint): string {
  const indent = " ".repeat(width + 13);
  const first = `  ${paint(COLOURS[state], state.padEnd(7))}  ${name.padEnd(width)}  ${printable(says)}\n`;
  const more = means === undefined ? "" : `${indent}${printable(means)}\n`;
  return first + more + (mend === undefined ? "" : `${indent}${paint("cyan", `fix: ${printable(mend)}`)}\n`);
}

function summary(examined: readonly Examined[], paint: Paint): string {
  const findings = examined.flatMap((it) => it.findings);
  const count = (state: Health) => findings.filter((it) => it.state === state).length;
  const counts = `${count("ok")} ok, ${count("limited")} limited, ${count("missing")} missing`;
  return verdict(examined) === 0
    ? `${counts}: ${paint("green", "containers can be made")}`
    : `${counts}: ${paint("red", "no containers can be made")}`;
}

/** The stable JSON. @param caller The caller's user id. */
export function examinationJson(
  examined: readonly Examined[],
  caller: { uid: number },
  version: string,
): string {
  const groups = examined.map(({ group: { name, title }, findings }) => ({ name, title, findings }));
  const document = { version: 1, tsrun: version, uid: caller.uid, usable: verdict(examined) === 0, groups };
  return printableJson(JSON.stringify(document, null, 2)) + "\n";
}
