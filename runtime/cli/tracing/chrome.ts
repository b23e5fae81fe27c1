/**
 * Traces as Chrome trace events, which ui.perfetto.dev opens: one track a process. `tsrun trace merge` reads
 * this format; docs/tools.md describes it.
 * @module
 */

import type { SpanKind, Trace, TraceProcess, TraceSpan } from "../../host/tracing/trace.ts";

/** Version of what stands below `tsrun` and in the events. */
const VERSION = 1;
/** A process whose pid is not known gets a number above every pid (PID_MAX_LIMIT). */
const UNKNOWN_PID = 4_194_304;

/** What a span tells besides its name and times. */
interface SpanArguments {
  call?: string;
  result?: number;
  errno?: string;
  stage?: string;
  step?: string;
}

/** An event: complete (`X`), without a duration (`i`), or a name of a process (`M`). */
interface ChromeEvent {
  ph: "X" | "i" | "M";
  pid: number;
  tid: number;
  name: string;
  cat?: SpanKind;
  /** Microseconds after `start`, exact to the nanosecond. */
  ts?: number;
  dur?: number;
  s?: "t";
  args: SpanArguments | { name: string };
}

/** What is known of each trace of the file. */
interface TraceHead {
  version: typeof VERSION;
  command: string;
  id: string;
  status: number;
  traceparent?: string;
  /** Nanoseconds of the epoch, in decimal digits. */
  start: string;
  processes: readonly TraceProcess[];
}

/** The document. */
interface ChromeDocument {
  displayTimeUnit: "ms";
  otherData: { tsrun: TraceHead[] };
  traceEvents: ChromeEvent[];
}

/** Writes traces as one document. */
export function formatChrome(traces: readonly Trace[]): string {
  const first = traces[0]?.start ?? 0n;
  const document: ChromeDocument = {
    displayTimeUnit: "ms",
    otherData: { tsrun: traces.map(headOf) },
    traceEvents: traces.flatMap((trace, i) => eventsOf(trace, Number(trace.start - first), i)),
  };
  return JSON.stringify(document) + "\n";
}

function headOf({ command, id, status, traceparent, start, processes }: Trace): TraceHead {
  return { version: VERSION, command, id, status, traceparent, start: String(start), processes };
}

function eventsOf(trace: Trace, shift: number, index: number): ChromeEvent[] {
  const pids = trace.processes.map(({ pid }, i) => pid || UNKNOWN_PID + index * 1000 + i);
  const names = trace.processes.map(({ name }, i): ChromeEvent => {
    const title = i === 0 ? `${name} ${trace.command}` : name;
    return { ph: "M", pid: pids[i], tid: pids[i], name: "process_name", args: { name: title } };
  });
  return [...names, ...trace.spans.map((span) => eventOf(span, pids[span.process], shift))];
}

function eventOf(span: TraceSpan, pid: number, shift: number): ChromeEvent {
  const { kind: cat, name, detail, start, duration, result, errno, stage, step } = span;
  const args = {
    call: detail || undefined,
    result,
    errno,
    stage: stage || undefined,
    step: step || undefined,
  };
  const event = { pid, tid: pid, name, cat, ts: (start + shift) / 1000, args };
  return duration === undefined ? { ph: "i", s: "t", ...event } : { ph: "X", ...event, dur: duration / 1000 };
}

/**
 * Reads the traces of a document back. Undefined where it is not one of tsrun's.
 *
 * @param text JSON.
 */
export function parseChrome(text: string): Trace[] | undefined {
  try {
    return tracesOf(JSON.parse(text));
  } catch {
    // It is not JSON, or its events are not those of a trace.
    return undefined;
  }
}

function tracesOf(document: Partial<ChromeDocument> | null): Trace[] | undefined {
  const heads = document?.otherData?.tsrun, events = document?.traceEvents;
  if (!Array.isArray(heads) || !Array.isArray(events) || heads.length === 0) return undefined;
  if (heads.some(({ version }) => version !== VERSION)) return undefined;
  const first = BigInt(heads[0].start);
  const named = [...events.entries()].filter(([, { ph }]) => ph === "M");
  let at = 0;
  return heads.map(({ start, traceparent, ...head }) => {
    // The events of a trace begin with the names of its processes.
    const begin = named[at][0], pids = named.slice(at, at + head.processes.length).map(([, { pid }]) => pid);
    at += head.processes.length;
    const spans = events.slice(begin + head.processes.length, named[at]?.[0]);
    const shift = Number(BigInt(start) - first);
    return {
      ...{ command: head.command, id: head.id, status: head.status, processes: [...head.processes] },
      ...{ traceparent, start: BigInt(start), spans: spans.map((event) => spanOf(event, pids, shift)) },
    };
  });
}

function spanOf(
  { pid, name, cat, ts = 0, dur, args }: ChromeEvent,
  pids: number[],
  shift: number,
): TraceSpan {
  const { call = "", result, errno, stage = "", step = "" } = args as SpanArguments;
  return {
    ...{ process: pids.indexOf(pid), kind: cat!, name, detail: call, stage, step },
    start: Math.round(ts * 1000 - shift),
    duration: dur === undefined ? undefined : Math.round(dur * 1000),
    ...(errno === undefined ? {} : { errno }),
    ...(result === undefined ? {} : { result }),
  };
}
