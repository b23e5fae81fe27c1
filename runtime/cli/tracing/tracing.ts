/**
 * The trace of a command, from its flags to its file.
 *
 * A trace that cannot be written does not fail the command: a container must not depend on it. It warns.
 * @module
 */

import { reasonOf } from "../../../ffi/errors.ts";
import { local } from "../../../ffi/local.ts";
import { callerVariable } from "../../host/caller.ts";
import { Recording } from "../../host/tracing/recording.ts";
import { makePrivateDirectory, writePrivately } from "../../host/tracing/write.ts";
import { formatTraces, traceFileName, type TraceTarget, traceTarget } from "./target.ts";

/** The trace of the command that runs. */
export class Tracing {
  readonly #target: TraceTarget;
  readonly #recording: Recording;

  /**
   * Begins to record.
   *
   * @param path `--trace` or TSRUN_TRACE. @param format `--trace-format`, empty where it is not given.
   * @throws {RuntimeError} for a format that there is not.
   */
  constructor(path: string, format: string) {
    this.#target = traceTarget(path, format, isDirectory);
    this.#recording = new Recording(local());
  }

  /** Ends the recording and writes it. @returns Why it could not be written; undefined where it was. */
  async end(command: string, id: string, status: number): Promise<string | undefined> {
    const { directory, name, format } = this.#target;
    try {
      const traceparent = callerVariable("TRACEPARENT");
      const trace = this.#recording.end({ command, id, status, traceparent });
      const text = await formatTraces([trace], format);
      if (name === undefined) makePrivateDirectory(local(), directory);
      writePrivately(
        local(),
        directory,
        name ?? traceFileName(trace, format),
        new TextEncoder().encode(text),
      );
      return undefined;
    } catch (error) {
      return `the trace was not written: ${reasonOf(error)}`;
    }
  }
}

function isDirectory(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
