/**
 * The line to one executor; docs/wire.md tells what goes over it.
 * @module
 */

import { TsrunError } from "./errors.ts";

/** The line to one executor. */
export interface Channel {
  /** Descriptors of its two ends: ours in this process, the executor's in the executor. */
  readonly ours: number;
  readonly theirs: number;
  /** Starts the executor at a record. */
  send(address: number): void;
  /**
   * Waits until the executor stops; returns the record where it stopped. Throws when the executor is gone.
   */
  receive(): number;
  /** Whether {@linkcode receive} would answer at once, or within this many milliseconds. */
  ready(milliseconds?: number): boolean;
}

/**
 * The error for a report that names no record of the batch: something other than the executor wrote to the
 * channel.
 */
export function outsideBatch(stopped: number): TsrunError {
  return new TsrunError({
    code: "EPROTO_INIT_STAGE",
    operation: "hear from the init stage",
    reason: `it stopped outside its batch, at ${stopped}`,
  });
}
