/**
 * Reads what an init reports through exec.fifo when it could not become the container's process.
 * @module
 */

import { Settled } from "../ffi/kernel.ts";
import { strerror } from "../ffi/errno.ts";
import { Buffer, Memory } from "../ffi/memory.ts";
import type { Hook } from "../spec/types.ts";
import { hookFailure } from "./hook_failure.ts";
import { OUTPUT_SIZE, SIGINFO_SIZE } from "./hook_program.ts";

/** The most bytes of a report. */
export const REPORT_SIZE = 24 + SIGINFO_SIZE + 2 * OUTPUT_SIZE + 4096;

/**
 * The message of a report, in one line.
 *
 * @param report Bytes read from exec.fifo, at least eight.
 * @param hooks The config's startContainer hooks.
 */
export function decodeStartReport(report: Uint8Array<ArrayBuffer>, hooks: readonly Hook[]): string {
  const block = new ArrayBuffer(REPORT_SIZE);
  new Uint8Array(block).set(report.subarray(0, REPORT_SIZE));
  const memory = new Memory(block, 0);
  const first = memory.getI64(0);
  if (first <= 0) return `${new TextDecoder().decode(report.subarray(8)).trimEnd()}: ${strerror(-first)}`;
  const hook = hooks[first - 1];
  // The container can write to the pipe where its hooks can: such a text is no report.
  if (hook === undefined) return "the container's init sent a report that is none";
  const part = (offset: number, size: number) => new Buffer(memory, offset, size);
  const failure = hookFailure({
    hook,
    poll: new Settled(memory.getI64(8)),
    exec: new Settled(memory.getI64(16)),
    siginfo: part(24, SIGINFO_SIZE),
    stdout: part(24 + SIGINFO_SIZE, OUTPUT_SIZE),
    stderr: part(24 + SIGINFO_SIZE + OUTPUT_SIZE, OUTPUT_SIZE),
  });
  return `error running startContainer hook #${first - 1}: ${failure ?? "unknown failure"}`;
}
