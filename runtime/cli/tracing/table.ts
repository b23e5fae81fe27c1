/**
 * Traces as tables of text: the processes, the parts and stages, and the ten calls that took longest.
 * @module
 */

import { printable } from "../../../ffi/printable.ts";
import type { Trace, TraceSpan } from "../../host/tracing/trace.ts";

/** How many calls are shown, and the most characters of one. */
const COSTLIEST = 10, CALL_SHOWN = 120;

/** Milliseconds with three digits. */
export function milliseconds(nanoseconds: number): string {
  return (nanoseconds / 1e6).toFixed(3);
}

/** Writes traces, one after the other. */
export function formatTable(traces: readonly Trace[]): string {
  return traces.map(tableOf).join("\n");
}

function tableOf(trace: Trace): string {
  const { command, id, status, spans } = trace;
  const whole = spans.find(({ kind }) => kind === "command")?.duration ?? 0;
  const title = `tsrun ${command}${id === "" ? "" : ` ${id}`}: ${
    milliseconds(whole)
  } ms, exit status ${status}`;
  return [
    printable(`${title}, ${timeOf(trace.start)}`),
    "",
    ...table("processes", ["ms", "calls", "pid", "process"], processRows(trace)),
    ...table("the costliest calls", ["ms", "process", "stage", "call"], callRows(trace)),
    ...table("parts of tsrun", ["ms", "until"], rowsOf(trace, "part", ({ name }) => [name])),
    ...table(
      "stages",
      ["ms", "calls", "process", "stage"],
      rowsOf(trace, "stage", (stage) => [
        String(callsIn(trace, stage)),
        trace.processes[stage.process].name,
        stage.name,
      ]),
    ),
  ].join("\n");
}

/** A time of the epoch as RFC 3339 with nanoseconds. */
function timeOf(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${String(nanoseconds % 1_000_000_000n).padStart(9, "0")}Z`;
}

function isCall({ kind }: TraceSpan): boolean {
  return kind === "call" || kind === "file";
}

function processRows({ processes, spans }: Trace): string[][] {
  return processes.map(({ name, pid }, i) => {
    const own = spans.filter((span) => span.process === i);
    const begin = Math.min(...own.map(({ start }) => start));
    const end = Math.max(...own.map(({ start, duration }) => start + (duration ?? 0)));
    const time = own.length === 0 ? "" : milliseconds(end - begin);
    return [time, String(own.filter(isCall).length), pid === 0 ? "?" : String(pid), name];
  });
}

function callRows({ processes, spans }: Trace): string[][] {
  const calls = spans.filter((span) => isCall(span) && span.duration !== undefined);
  return calls.sort((one, other) => other.duration! - one.duration!).slice(0, COSTLIEST).map((call) => [
    milliseconds(call.duration!),
    processes[call.process].name,
    call.stage,
    `${shortened(call.detail)} = ${call.errno ?? call.result ?? 0}`,
  ]);
}

function shortened(text: string): string {
  return text.length > CALL_SHOWN ? `${text.slice(0, CALL_SHOWN)}…` : text;
}

function rowsOf(trace: Trace, kind: TraceSpan["kind"], rest: (span: TraceSpan) => string[]): string[][] {
  return trace.spans.filter((span) => span.kind === kind)
    .map((span) => [milliseconds(span.duration ?? 0), ...rest(span)]);
}

/** The calls of a process while a stage lasted. */
function callsIn({ spans }: Trace, stage: TraceSpan): number {
  const end = stage.start + (stage.duration ?? 0);
  return spans.filter((span) =>
    isCall(span) && span.process === stage.process && span.start >= stage.start && span.start <= end
  ).length;
}

/** A table with a title; numbers are right-aligned. Without rows there is none. */
function table(title: string, head: readonly string[], rows: readonly string[][]): string[] {
  if (rows.length === 0) return [];
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i].length)));
  const line = (row: readonly string[]) =>
    "  " +
    row.map((cell, i) =>
      /^(?:ms|calls|pid)$/.test(head[i]) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])
    )
      .join("  ").trimEnd();
  return [`${title}:`, line(head), ...rows.map((row) => printable(line(row))), ""];
}
