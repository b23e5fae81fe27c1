/**
 * What a run of a suite came to, as a table or as JSON.
 * @module
 */
import type { Case, Ending } from "./tap.ts";

/** A case with both runtimes. */
export interface Compared {
  name: string;
  /** How it ended with the runtime under test; undefined where it did not come. */
  ending: Ending | undefined;
  /** The same of the reference; undefined also where there is none. */
  reference: Ending | undefined;
  /** What was said about the one that failed, or was skipped. */
  said: string;
}

/** A program with all its cases. */
export interface Row {
  program: string;
  suite: string;
  cases: Compared[];
}

/** A whole run. */
export interface Run {
  runtime: string;
  reference: string | undefined;
  rows: Row[];
}

/** Lines of what a case said that the table shows. */
const MOST_LINES = 6;

/** Brings the cases of two runs of a program together by their names, in the order of the first run. */
export function compareCases(cases: readonly Case[], reference: readonly Case[] | undefined): Compared[] {
  const others = new Map(reference?.map((found) => [found.name, found]));
  const both = cases.map(({ name, ending, said }) => ({
    name,
    ending,
    reference: others.get(name)?.ending,
    said: ending === "pass" ? others.get(name)?.said ?? "" : said,
  }));
  const names = new Set(cases.map(({ name }) => name));
  const rest = [...others.values()].filter(({ name }) => !names.has(name));
  return [
    ...both,
    ...rest.map(({ name, ending, said }) => ({ name, ending: undefined, reference: ending, said })),
  ];
}

/** Whether the runtimes differ in a case. */
export function differs({ ending, reference }: Compared): boolean {
  return ending !== reference;
}

/**
 * Cases that speak against the runtime under test: those that fail, or do not come, and that the reference
 * passes. Without a reference, all that fail.
 */
export function faultsOf({ rows, reference }: Run): { program: string; found: Compared }[] {
  return rows.flatMap(({ program, cases }) =>
    cases.filter(({ ending, reference: other }) =>
      (ending === "fail" || ending === undefined) && (reference === undefined || other === "pass")
    ).map((found) => ({ program, found }))
  );
}

function count(rows: readonly Row[], key: "ending" | "reference", wanted: Ending): number {
  return rows.reduce((sum, { cases }) => sum + cases.filter((found) => found[key] === wanted).length, 0);
}

/** The run as one JSON document. */
export function renderJson(run: Run): string {
  const totals = (key: "ending" | "reference") => ({
    pass: count(run.rows, key, "pass"),
    fail: count(run.rows, key, "fail"),
    skip: count(run.rows, key, "skip"),
  });
  const { runtime, reference, rows } = run;
  const document = {
    runtime,
    reference,
    totals: totals("ending"),
    referenceTotals: reference === undefined ? undefined : totals("reference"),
    programs: rows,
  };
  return JSON.stringify(document, null, 2);
}

/** Lines of cells in columns, the first to the left and the others to the right. */
function columns(lines: readonly string[][]): string[] {
  const widths = lines[0].map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  return lines.map((line) =>
    line.map((cell, at) => at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at])).join("  ")
  );
}

/** The line of a case in the list below the table, and what was said about it. */
function told(program: string, { name, ending, reference, said }: Compared, compared: boolean): string[] {
  const other = compared ? `, reference: ${reference ?? "did not come"}` : "";
  const words = said.split("\n").filter((line) => line.trim() !== "").slice(-MOST_LINES);
  return [`${program}: ${name}: ${ending ?? "did not come"}${other}`, ...words.map((line) => `    ${line}`)];
}

/**
 * The list for one program. Of cases that came with one runtime only, as when a program gave up with the
 * other, it has the failures and the number of the rest.
 */
function toldOf({ program, cases }: Row, compared: boolean): string[] {
  const shown = cases.filter((found) => compared ? differs(found) : found.ending === "fail");
  const alone = (found: Compared) => found.ending === undefined || found.reference === undefined;
  const listed = shown.filter((found) => !alone(found) || (found.ending ?? found.reference) === "fail");
  const rest = shown.filter((found) => !listed.includes(found));
  const where = (key: "ending" | "reference") => rest.filter((found) => found[key] !== undefined).length;
  const numbers = [[where("ending"), "the runtime under test"], [
    where("reference"),
    "the reference",
  ]] as const;
  return [
    ...listed.flatMap((found) => told(program, found, compared)),
    ...numbers.filter(([number]) => number > 0)
      .map(([number, which]) => `${program}: ${number} more cases came with ${which} only`),
  ];
}

/** The run as a table of programs; below it what differs, or what fails where there is no reference. */
export function renderTable(run: Run): string {
  const { rows, reference } = run;
  const figures = (some: readonly Row[], key: "ending" | "reference") =>
    (["pass", "fail", "skip"] as const).map((ending) => String(count(some, key, ending)));
  const line = (head: string, some: readonly Row[], differing: number) => [
    head,
    ...figures(some, "ending"),
    ...reference === undefined ? [] : [...figures(some, "reference"), String(differing)],
  ];
  const differing = (some: readonly Row[]) => some.flatMap(({ cases }) => cases.filter(differs)).length;
  const names = ["pass", "fail", "skip"];
  const head = ["program", ...names];
  if (reference !== undefined) head.push(...names.map((name) => `ref ${name}`), "differ");
  const table = columns([
    head,
    ...rows.map((row) => line(row.program, [row], differing([row]))),
    line("all", rows, differing(rows)),
  ]);
  const shown = rows.flatMap((row) => toldOf(row, reference !== undefined));
  const title = reference === undefined ? "what fails:" : `what differs from ${reference}:`;
  return [...table, ...shown.length === 0 ? [] : ["", title, ...shown]].join("\n");
}
