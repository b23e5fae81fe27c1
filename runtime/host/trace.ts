/**
 * Times of stages for `--debug`: how long after the start of the process each stage ended.
 *
 *     stage "config parsed": 31.4 ms, +0.8 ms
 *
 * Without `--debug` a mark is one comparison.
 * @module
 */

import { watcher } from "../../ffi/watch.ts";
import type { DebugSink, Place } from "./log.ts";

let report: DebugSink | undefined;
/** Milliseconds between the start of the process and the start of JavaScript's clock. */
let before = 0;
let last = 0;

/** Marks the end of a stage. @param stage The stage, in a few words. @param place Who marks it. */
export function mark(stage: string, place: Place): void {
  watcher()?.marks(stage);
  if (report === undefined) return;
  const now = performance.now();
  report(`stage "${stage}": ${(before + now).toFixed(1)} ms, +${(now - last).toFixed(1)} ms`, place);
  // The time for writing the line does not belong to the next stage.
  last = performance.now();
}

/**
 * Turns marks on.
 *
 * @param sink Takes each line.
 */
export function traceTo(sink: DebugSink): void {
  const start = performance.now();
  before = Math.max(0, processAge() - start);
  report = sink;
  sink(
    `JavaScript's clock began ${before.toFixed(0)} ms after the process (the kernel tells in steps of 10 ms)`,
    "runtime/host/trace.ts traceTo",
  );
  // The first stage began with the clock. Time for tracing itself belongs to no stage.
  last = performance.now() - start;
}

/**
 * Age of this process in milliseconds, from field 22 of /proc/self/stat, which counts 1/100 s since boot:
 * proc(5).
 */
export function processAge(): number {
  const stat = Deno.readTextFileSync("/proc/self/stat");
  const started = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  return uptime * 1000 - started * 10;
}
