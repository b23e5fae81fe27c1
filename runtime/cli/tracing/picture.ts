/**
 * Traces as a picture, SVG: each process is a band with its calls, and below it its parts, stages and steps,
 * each with its name. Every bar has a tooltip.
 * @module
 */

import { printable } from "../../../ffi/printable.ts";
import type { Trace, TraceSpan } from "../../host/tracing/trace.ts";
import { Axis } from "./axis.ts";
import { milliseconds } from "./table.ts";

/** Measures, in pixels. A letter is 6 wide. */
const WIDTH = 1400, MARGIN = 20, TOP = 66, BAND = 16, LANE = 15, LETTER = 5.6;
/** Bars that are shorter than this part of a millisecond have no name of their own. */
const NAMED = 0.02e6;

const STYLE = `text{font:11px sans-serif;fill:#222}
.h{font-weight:bold;font-size:13px}.p{font-weight:bold}.m{fill:#777;font-size:10px}
.band{fill:#eef0f3}.part{fill:#9ecae1}.stage{fill:#fdae6b}.step{fill:#dadaeb}
.call{fill:#3182bd}.file{fill:#31a354}.bad{fill:#de2d26}.g{stroke:#ddd}.gap{fill:#fff;stroke:#bbb}`;

/** Escapes a text for XML; what steers a terminal is gone too. */
function escaped(text: string): string {
  const marks: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return printable(text).replace(/[&<>"]/g, (mark) => marks[mark]);
}

/** Writes traces on one axis of time. */
export function formatPicture(traces: readonly Trace[]): string {
  const axis = new Axis(traces, WIDTH - 2 * MARGIN);
  const parts: string[] = [];
  let y = TOP;
  for (const trace of traces) {
    y += 22;
    parts.push(heading(trace, y - 6, MARGIN + axis.at(trace, 0)));
    for (const [i] of trace.processes.entries()) {
      const drawn = drawProcess(trace, i, axis, y);
      parts.push(...drawn.parts);
      y = drawn.y;
    }
  }
  const height = y + MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}">`,
    `<style>${STYLE}</style><rect width="100%" height="100%" fill="#fff"/>`,
    ...legend(traces),
    ...grid(axis, height),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function legend(traces: readonly Trace[]): string[] {
  const id = traces.find(({ id }) => id !== "")?.id ?? "";
  const commands = traces.map(({ command }) => command).join(", ");
  const kinds = [["part", "part of tsrun"], ["stage", "stage"], ["step", "step"], ["call", "system call"]];
  const more = [...kinds, ["file", "file"], ["bad", "call that failed"]];
  return [
    `<text x="${MARGIN}" y="20" class="h">${
      escaped(`tsrun ${commands}${id === "" ? "" : `: ${id}`}`)
    }</text>`,
    ...more.map(([kind, name], i) => {
      const x = MARGIN + i * 130;
      return `<rect x="${x}" y="28" width="12" height="10" class="${kind}"/><text x="${
        x + 16
      }" y="37">${name}</text>`;
    }),
  ];
}

/** Lines at round milliseconds of each command, and the breaks between commands. */
function grid(axis: Axis, height: number): string[] {
  const lines = axis.ticks().map(({ x, label }) =>
    `<line x1="${MARGIN + x}" x2="${MARGIN + x}" y1="${TOP - 20}" y2="${height}" class="g"/>` +
    `<text x="${MARGIN + x + 2}" y="${TOP - 12}" class="m">${label}</text>`
  );
  const gaps = axis.gaps().map(({ x, width, label }) =>
    `<rect x="${MARGIN + x}" y="${TOP - 10}" width="${width}" height="${height}" class="gap"/>` +
    `<text x="${MARGIN + x + 2}" y="${TOP}" class="m">${label}</text>`
  );
  return [...lines, ...gaps];
}

function heading({ command, id, status, spans }: Trace, y: number, x: number): string {
  const whole = spans.find(({ kind }) => kind === "command")?.duration ?? 0;
  const failed = status === 0 ? "" : `, exit status ${status}`;
  const text = `${command}${id === "" ? "" : ` ${id}`}: ${milliseconds(whole)} ms${failed}`;
  return `<text x="${anchored(x, text)}" y="${y}" class="h">${escaped(text)}</text>`;
}

/** Where a text begins, so that it ends inside the picture. */
function anchored(x: number, text: string): number {
  return round(Math.max(MARGIN, Math.min(x, WIDTH - MARGIN - text.length * (LETTER + 1.5))));
}

const round = (x: number) => Math.round(x * 10) / 10;

function rect(kind: string, x: number, y: number, width: number, height: number, title: string): string {
  return `<rect x="${round(x)}" y="${y}" width="${
    round(Math.max(width, 0.6))
  }" height="${height}" class="${kind}">` +
    `<title>${escaped(title)}</title></rect>`;
}

function drawProcess(trace: Trace, process: number, axis: Axis, top: number): { parts: string[]; y: number } {
  const spans = trace.spans.filter((span) => span.process === process && span.duration !== undefined);
  if (spans.length === 0) return { parts: [], y: top };
  const left = (span: TraceSpan) => MARGIN + axis.at(trace, span.start);
  const width = (span: TraceSpan) => axis.width(span.duration!);
  const begin = Math.min(...spans.map(left)),
    end = Math.max(...spans.map((span) => left(span) + width(span)));
  const { name, pid } = trace.processes[process];
  const title = `${name}${pid === 0 ? "" : ` ${pid}`}`;
  const calls = spans.filter(({ kind }) => kind === "call" || kind === "file");
  const parts = [
    rect("band", begin, top, end - begin, BAND - 2, title),
    ...calls.map((call) => rect(kindOf(call), left(call), top + 2, width(call), BAND - 6, tooltip(call))),
    `<text x="${anchored(end + 4, title)}" y="${top + 11}" class="p">${escaped(title)}</text>`,
  ];
  const lanes: number[] = [];
  for (const span of spans) {
    if (span.kind !== "part" && span.kind !== "stage" && span.kind !== "step") continue;
    const label = span.duration! < NAMED ? "" : `${shortName(span)} ${milliseconds(span.duration!)}`;
    if (label === "") continue;
    const x = left(span), bar = Math.max(width(span), 1);
    const textX = anchored(x + bar + 3, label);
    let lane = lanes.findIndex((free) => free <= Math.min(x, textX));
    if (lane < 0) lane = lanes.push(0) - 1;
    lanes[lane] = Math.max(x + bar, textX + label.length * LETTER) + 6;
    const y = top + BAND + lane * LANE;
    parts.push(rect(span.kind, x, y, bar, LANE - 4, tooltip(span)));
    parts.push(`<text x="${textX}" y="${y + 9}">${escaped(label)}</text>`);
  }
  return { parts, y: top + BAND + lanes.length * LANE + 4 };
}

/** The name of a step may be a whole error message's beginning. */
function shortName({ name }: TraceSpan): string {
  return name.length > 40 ? `${name.slice(0, 40)}…` : name;
}

function kindOf(call: TraceSpan): string {
  return call.errno === undefined ? call.kind : "bad";
}

function tooltip({ name, detail, duration, result, errno, stage }: TraceSpan): string {
  const answer = detail === "" ? "" : ` = ${errno ?? result ?? 0}`;
  return `${detail || name}${answer}: ${milliseconds(duration!)} ms${stage === "" ? "" : ` (${stage})`}`;
}
