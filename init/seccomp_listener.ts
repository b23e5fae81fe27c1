/**
 * A filter that asks: its listener has to reach an agent before the container can be started, so it is loaded at
 * the end of create. All that the init does afterwards is under the filter, as in runc: the program that waits
 * for `start`, and, without no-new-privileges, the capabilities.
 *
 * Sources: seccomp(2), seccomp_unotify(2), runtime-spec config-linux.md (The Container Process State).
 * @module
 */

import { ExecutorGone } from "./executor.ts";
import * as c from "../ffi/constants.ts";
import { TsrunError } from "../ffi/errors.ts";
import type { Result } from "../ffi/kernel.ts";
import type { Branches, Recorder } from "../ffi/recorder.ts";

/** A seccomp filter as seccomp(2) takes it. */
export interface SeccompFilter {
  /** `struct sock_filter[]`. */
  program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*. */
  flags: number;
}

/** How long the init may take to load its filter, in milliseconds. A profile that bars write(2) keeps it from telling. */
const PATIENCE = 5_000;

/** Whether somebody is to be asked by the filter. */
export function hasListener(filter: SeccompFilter | null): boolean {
  return filter !== null && (filter.flags & c.SECCOMP_FILTER_FLAG_NEW_LISTENER) !== 0;
}

/**
 * Loads a filter with a listener and hands the listener over.
 *
 * @param deliver Takes the number that the listener has in the process of `k`, where it is closed afterwards.
 * @throws {Error} When the filter cannot be loaded, or forbids even to report that it was.
 */
export function loadWithListener(k: Recorder, filter: SeccompFilter, deliver: (fd: number) => void): void {
  const { program, flags } = filter;
  const doing = "load the seccomp filter";
  const code = [program.length / 8, k.memory.put(program)];
  const listener = k.call("seccomp", [c.SECCOMP_SET_MODE_FILTER, flags, code], { doing });
  const reason = "no answer: does the profile allow write(2)?";
  const otherwise = { code: "ETIMEDOUT_SECCOMP" as const, operation: doing, reason };
  try {
    k.flush({ milliseconds: PATIENCE, otherwise });
  } catch (error) {
    // An executor that cannot report ends, where the profile lets it.
    throw error instanceof ExecutorGone ? new TsrunError(otherwise) : error;
  }
  deliver(listener.wait());
  // No more than a courtesy: it closes on exec.
  k.call("close", [listener], { allow: "any" });
}

/** Of the steps' context (setup_context.ts): what loading a filter concerns. */
interface Loading {
  readonly k: Recorder;
  filter: SeccompFilter | null;
  dropRights: ((k: Recorder, branches: Branches) => Result) | undefined;
}

/**
 * Loads a container's filter at once, if it has a listener; the process then has its final rights.
 *
 * @param deliver As in {@linkcode loadWithListener}.
 */
export function loadEarly(context: Loading, deliver: (fd: number) => void): void {
  const { k, filter } = context;
  if (filter === null || !hasListener(filter)) return;
  loadWithListener(k, filter, deliver);
  context.dropRights?.(k, {});
  k.flush();
  context.dropRights = undefined;
  context.filter = null;
}
