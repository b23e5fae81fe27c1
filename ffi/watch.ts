/**
 * The place of something that watches what tsrun does: a trace (`--trace`), or a dry run (`tsrun explain`).
 *
 * The kernels and the lifecycle ask here for a watcher. Usually there is none, which costs a comparison.
 * @module
 */

import type { Kernel } from "./kernel.ts";
import type { Op } from "./recorder.ts";

/** A record that a watcher follows. */
export interface Watched {
  readonly op: Op;
  /** Address of the record. */
  readonly address: number;
  /** Address of the clock record before it, 0 where the record before has one behind it. */
  readonly before: number;
  /** Address of the clock record behind it, 0 where there is none. */
  behind: number;
}

/** Sees the records of one process. */
export interface RecordWatch {
  /** Whether the executor is to read the clock between the records from here on. */
  readonly clocked: boolean;
  /** A record is written. */
  recorded(record: Watched): void;
  /** These records have run, or were jumped over. */
  ran(records: readonly Watched[]): void;
  /** A record has failed. What follows mends it, or ends the command. */
  failed(record: Watched, errno: number): void;
  /** The process goes on: with the record that failed, which is run again, or behind it. */
  resumed(record: Watched, again: boolean): void;
  /** These records are a program that runs without tsrun, from now on. */
  released(records: readonly Watched[]): void;
}

/** A process that is driven by records. */
export interface Driven extends Kernel {
  /** What the process is, and its pid on the host, 0 while that is not known. */
  readonly subject: { name: string; pid: number };
}

/** See the module's description. */
export interface Watcher {
  /** A process is going to be driven. Undefined leaves it alone. */
  drives(kernel: Driven): RecordWatch | undefined;
  /**
   * A stage of a lifecycle begins.
   *
   * @param kernel The kernel that its steps use: this process's, or that of a process that is driven.
   * @returns The function that says that it is over.
   */
  enters(stage: string, kernel: Kernel | undefined): () => void;
  /** A part of the command is done. */
  marks(what: string): void;
}

let present: Watcher | undefined;

/** The watcher, if there is one. */
export function watcher(): Watcher | undefined {
  return present;
}

/** Sets the watcher, before the first kernel is made; undefined takes it away. */
export function watchBy(watcher: Watcher | undefined): void {
  present = watcher;
}
