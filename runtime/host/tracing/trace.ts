/**
 * A trace as a value: what the processes of one command did, and when. The formats are written from it.
 * @module
 */

/** One process of a command. */
export interface TraceProcess {
  /** `tsrun`, `stage`, `init`, `joiner`, … */
  name: string;
  /** As the host sees it; 0 where it never became known. */
  pid: number;
}

/**
 * Kinds of spans: the whole command; a part of it between two marks; a stage of a lifecycle; one step in it;
 * a system call; an operation on files by Deno, which is a few calls.
 */
export type SpanKind = "command" | "part" | "stage" | "step" | "call" | "file";

/** Something that took time. */
export interface TraceSpan {
  /** Index of the process. */
  process: number;
  kind: SpanKind;
  /** Name of the call, the stage, the step. */
  name: string;
  /** A call with its arguments; empty for other kinds. */
  detail: string;
  /** Nanoseconds after the trace's start. */
  start: number;
  /** Nanoseconds. Undefined for a call of a program that runs without tsrun: when it ran is not known. */
  duration: number | undefined;
  /** What the call returned; absent where it failed, or is not known. */
  result?: number;
  /** Name of the error, where the call failed. */
  errno?: string;
  /** The stage and the step that a call belongs to; empty where there is none. */
  stage: string;
  step: string;
}

/** The trace of one command. */
export interface Trace {
  /** Nanoseconds of the epoch at which times of spans begin. */
  start: bigint;
  /** Name of the command, the container's id where it has one, and the exit status. */
  command: string;
  id: string;
  status: number;
  /** `TRACEPARENT` of the caller, where it was a good one. */
  traceparent: string | undefined;
  processes: TraceProcess[];
  /** In the order of their start; what contains others comes before them. */
  spans: TraceSpan[];
}
