/**
 * The findings of `tsrun validate` as people and programs read them: docs/tools.md has the JSON.
 * @module
 */

import { printable, printableJson } from "../../../ffi/printable.ts";
import { shownValue } from "../../../spec/validate/value_at.ts";
import { exactJson } from "../../container/exact_json.ts";
import type { Finding, FindingKind } from "../../container/validate/finding.ts";
import type { Colour, Paint } from "../colours.ts";

/** The findings of one document. */
export interface JudgedFile {
  /** As it was named; `-` for standard input. */
  file: string;
  findings: Finding[];
}

/** Words and colours of the kinds, in the order of the text. */
const KINDS: Readonly<Record<FindingKind, { one: string; many: string; colour: Colour }>> = {
  error: { one: "error", many: "errors", colour: "red" },
  host: { one: "host problem", many: "host problems", colour: "yellow" },
  warning: { one: "warning", many: "warnings", colour: "cyan" },
};

/**
 * The exit status: 1 if `create` would refuse one of the documents; with `strict` 2 if there is anything
 * else; 0.
 */
export function verdictOf(files: readonly JudgedFile[], strict: boolean): number {
  const findings = files.flatMap((it) => it.findings);
  if (findings.some(({ refused }) => refused)) return 1;
  return strict && findings.length > 0 ? 2 : 0;
}

/** One line for each finding, and one for each document. */
export function formatFindings(files: readonly JudgedFile[], paint: Paint): string {
  return files.map(({ file, findings }) => {
    const name = printable(file);
    const lines = findings.map((finding) => `${name}: ${lineOf(finding, paint)}\n`).join("");
    return `${lines}${name}: ${summary(findings, paint)}\n`;
  }).join("");
}

function lineOf({ kind, path, value, rule, fix, section }: Finding, paint: Paint): string {
  const shown = shownValue(value), place = path === "" ? "" : `${printable(path)}: `;
  const given = shown === undefined ? "" : `${printable(shown)}: `;
  const remedy = fix === undefined ? "" : ` (fix: ${printable(fix)})`;
  const { one, colour } = KINDS[kind];
  const label = paint(colour, kind === "host" ? "host" : one);
  return `${label}: ${paint("bold", place)}${given}${printable(rule)}${remedy} ${
    paint("dim", `[${section}]`)
  }`;
}

function summary(findings: readonly Finding[], paint: Paint): string {
  if (findings.length === 0) return paint("green", "nothing is wrong");
  const counts = (Object.keys(KINDS) as FindingKind[]).flatMap((kind) => {
    const count = findings.filter((it) => it.kind === kind).length, { one, many } = KINDS[kind];
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  const refused = findings.some((it) => it.refused);
  return `${counts.join(", ")}; ${
    refused ? paint("red", "create refuses it") : paint("green", "nothing that create refuses")
  }`;
}

/** The stable JSON. */
export function findingsJson(files: readonly JudgedFile[], host: string): string {
  const document = {
    version: 1,
    host,
    files: files.map(({ file, findings }) => ({
      file,
      refused: findings.some(({ refused }) => refused),
      findings,
    })),
  };
  return printableJson(exactJson(document, 2)) + "\n";
}
