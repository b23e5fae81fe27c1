/**
 * Traces as OpenTelemetry JSON (OTLP, one ExportTraceServiceRequest), as collectors read it from a file.
 *
 * Sources: opentelemetry-proto trace.proto and its JSON mapping, W3C Trace Context.
 * @module
 */

import { randomBytes } from "../../../ffi/random.ts";
import type { Trace, TraceSpan } from "../../host/tracing/trace.ts";

/** SPAN_KIND_INTERNAL, STATUS_CODE_OK and STATUS_CODE_ERROR of trace.proto. */
const INTERNAL = 1, OK = 1, ERROR = 2;

interface Attribute {
  key: string;
  value: { stringValue: string } | { intValue: string };
}

interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: typeof INTERNAL;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Attribute[];
  status?: { code: number };
}

/** The caller's span, by its `TRACEPARENT`: version, trace, parent, flags. Undefined for any other text. */
export function parseTraceparent(text: string): { traceId: string; parentId: string } | undefined {
  const [, version, traceId, parentId] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/.exec(text) ?? [];
  const bad = version === undefined || version === "ff" || /^0+$/.test(traceId) || /^0+$/.test(parentId);
  // Only later versions may have more behind the flags.
  return bad || (version === "00" && text.length !== 55) ? undefined : { traceId, parentId };
}

/** Writes traces; each is a resource of its own. */
export function formatOtlp(traces: readonly Trace[]): string {
  return JSON.stringify({ resourceSpans: traces.map(resourceOf) }) + "\n";
}

function randomId(bytes: number): string {
  return randomBytes(bytes).toHex();
}

function attribute(key: string, value: string | number): Attribute {
  return { key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } };
}

function resourceOf(trace: Trace) {
  const { command, id, processes } = trace;
  const attributes = [
    attribute("service.name", "tsrun"),
    attribute("process.pid", processes[0].pid),
    attribute("process.command", `tsrun ${command}`),
    ...(id === "" ? [] : [attribute("container.id", id)]),
  ];
  return { resource: { attributes }, scopeSpans: [{ scope: { name: "tsrun" }, spans: spansOf(trace) }] };
}

/**
 * The spans. A span's parent is the one of its process that contains it; other processes hang on the command.
 * Calls whose time is not known are left out.
 */
function spansOf(trace: Trace): OtlpSpan[] {
  const caller = parseTraceparent(trace.traceparent ?? "");
  const traceId = caller?.traceId ?? randomId(16), rootId = randomId(8);
  const stacks = new Map<number, { end: number; spanId: string }[]>();
  return trace.spans.filter(({ duration }) => duration !== undefined).map((span) => {
    const root = span.kind === "command", end = span.start + span.duration!;
    const stack = stacks.get(span.process) ?? [];
    stacks.set(span.process, stack);
    while (stack.length > 0 && stack.at(-1)!.end < end) stack.pop();
    const spanId = root ? rootId : randomId(8);
    const parentSpanId = root ? caller?.parentId : stack.at(-1)?.spanId ?? rootId;
    stack.push({ end, spanId });
    return otlpSpan(trace, span, { traceId, spanId, parentSpanId });
  });
}

function otlpSpan(
  { start, status, processes }: Trace,
  span: TraceSpan,
  ids: Pick<OtlpSpan, "traceId" | "spanId" | "parentSpanId">,
): OtlpSpan {
  const from = start + BigInt(span.start), { name: process, pid } = processes[span.process];
  return {
    ...ids,
    name: span.name,
    kind: INTERNAL,
    startTimeUnixNano: String(from),
    endTimeUnixNano: String(from + BigInt(span.duration!)),
    attributes: [
      attribute("tsrun.kind", span.kind),
      attribute("tsrun.process", process),
      ...(pid === 0 ? [] : [attribute("process.pid", pid)]),
      ...(span.detail === "" ? [] : [attribute("tsrun.call", span.detail)]),
      ...(span.stage === "" ? [] : [attribute("tsrun.stage", span.stage)]),
      ...(span.step === "" ? [] : [attribute("tsrun.step", span.step)]),
      ...(span.result === undefined ? [] : [attribute("tsrun.result", span.result)]),
      ...(span.errno === undefined ? [] : [attribute("error.type", span.errno)]),
    ],
    ...(span.kind === "command" ? { status: { code: status === 0 ? OK : ERROR } } : {}),
  };
}
