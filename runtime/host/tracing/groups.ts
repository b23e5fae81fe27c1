/**
 * Steps and stages out of the calls that belong to them.
 * @module
 */

import type { SpanKind, TraceSpan } from "./trace.ts";

/** Whether two calls belong to the same stage, or to the same step in it. */
type Same = (one: TraceSpan, other: TraceSpan) => boolean;

/** One span around calls that follow each other. */
function around(kind: SpanKind, name: string, calls: readonly TraceSpan[]): TraceSpan {
  const [{ process, start, stage }] = calls;
  const end = Math.max(...calls.map((call) => call.start + (call.duration ?? 0)));
  const of = kind === "stage" ? "" : stage;
  return { process, kind, name, detail: "", start, duration: end - start, stage: of, step: "" };
}

/** Calls that follow each other and belong together. */
function runs(calls: readonly TraceSpan[], same: Same): TraceSpan[][] {
  const found: TraceSpan[][] = [];
  for (const call of calls) {
    const last = found.at(-1);
    if (last && same(last[0], call)) last.push(call);
    else found.push([call]);
  }
  return found;
}

/**
 * Adds the steps of all processes, and the stages of those that are driven: their stages in tsrun are when it
 * records them. The result is in the order of time; what contains others comes first.
 */
export function addGroups(spans: readonly TraceSpan[]): TraceSpan[] {
  const groups: TraceSpan[] = [];
  const timed = spans.filter(({ duration }) => duration !== undefined);
  for (const process of new Set(timed.map((span) => span.process))) {
    const calls = timed.filter((span) => span.process === process && span.detail !== "")
      .sort((one, other) => one.start - other.start);
    if (process !== 0) {
      for (const run of runs(calls, (one, other) => one.stage === other.stage)) {
        if (run[0].stage !== "") groups.push(around("stage", run[0].stage, run));
      }
    }
    for (const run of runs(calls, (one, other) => one.step === other.step && one.stage === other.stage)) {
      if (run[0].step !== "" && run.length > 1) groups.push(around("step", run[0].step, run));
    }
  }
  return [...groups, ...spans].sort((one, other) =>
    one.start - other.start || (other.duration ?? 0) - (one.duration ?? 0)
  );
}
