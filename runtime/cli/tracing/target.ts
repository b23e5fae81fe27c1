/**
 * Where a trace goes to, and in which format: `--trace`, `--trace-format`, TSRUN_TRACE.
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import type { Trace } from "../../host/tracing/trace.ts";
import { absolute } from "../globals.ts";

/** Values of `--trace-format`. */
export const TRACE_FORMATS = ["json", "svg", "txt", "otlp"] as const;

/** A format of traces. */
export type TraceFormat = typeof TRACE_FORMATS[number];

/** Where a trace goes to. */
export interface TraceTarget {
  /** The directory of the file, absolute. */
  directory: string;
  /** Name of the file in it; undefined where every command gets a file of its own. */
  name: string | undefined;
  format: TraceFormat;
}

/** What a file's name ends with, in the format otlp too. */
const SUFFIXES: Readonly<Record<TraceFormat, string>> = {
  json: "json",
  svg: "svg",
  txt: "txt",
  otlp: "json",
};

/**
 * A path that is a directory, ends with a slash or has no suffix in its last part is a directory.
 *
 * @param isDirectory Whether a path is a directory now.
 * @throws {RuntimeError} for a format that there is not.
 */
export function traceTarget(
  path: string,
  format: string,
  isDirectory: (path: string) => boolean,
): TraceTarget {
  const whole = absolute(path), slash = whole.lastIndexOf("/"), name = whole.slice(slash + 1);
  const suffix = /.\.(\w+)$/.exec(name)?.[1];
  const each = path.endsWith("/") || suffix === undefined || isDirectory(whole);
  const wanted = format || (each ? "json" : suffix!);
  const known = TRACE_FORMATS.find((known) => known === wanted);
  if (known === undefined || (format === "" && known === "otlp")) throw unknown(path, format, suffix);
  return each
    ? { directory: whole, name: undefined, format: known }
    : { directory: whole.slice(0, slash) || "/", name, format: known };
}

function unknown(path: string, format: string, suffix: string | undefined): RuntimeError {
  const list = TRACE_FORMATS.join(", ");
  return new RuntimeError(
    "EINVAL_TRACE",
    format !== ""
      ? `invalid --trace-format ${JSON.stringify(format)}: want one of ${list}`
      : `trace to ${JSON.stringify(path)}: no format is known by .${suffix}: ` +
        "use .json, .svg or .txt, or name one by --trace-format",
  );
}

/** The name of a command's file in a directory: time, command, id, pid. Names sort by time. */
export function traceFileName(trace: Trace, format: TraceFormat): string {
  const micros = trace.start / 1000n;
  const time = new Date(Number(micros / 1000n)).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
  const word = (text: string) => text.replaceAll(/[^\w.+-]/g, "_").slice(0, 100);
  const words = [
    `${time}.${String(micros % 1_000_000n).padStart(6, "0")}Z`,
    word(trace.command),
    ...(trace.id === "" ? [] : [word(trace.id)]),
    String(trace.processes[0].pid),
  ];
  return `${words.join("-")}.${SUFFIXES[format]}`;
}

/** Writes traces in a format. */
export async function formatTraces(traces: readonly Trace[], format: TraceFormat): Promise<string> {
  switch (format) {
    case "svg":
      return (await import("./picture.ts")).formatPicture(traces);
    case "txt":
      return (await import("./table.ts")).formatTable(traces);
    case "otlp":
      return (await import("./otlp.ts")).formatOtlp(traces);
    default:
      return (await import("./chrome.ts")).formatChrome(traces);
  }
}
