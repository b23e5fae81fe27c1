/**
 * A filter that asks an agent. Its listener has to reach the agent before the container can be started, so
 * the filter is loaded at the end of create. As in runc, everything that the init does afterwards is under
 * the filter: the program that waits for `start` and, without no-new-privileges, setting the capabilities.
 *
 * Sources: seccomp(2), seccomp_unotify(2), runtime-spec config-linux.md (The Container Process State).
 * @module
 */

import { ExecutorGone } from "./executor.ts";
import { SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_SET_MODE_FILTER } from "../ffi/constants.ts";
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

/**
 * How long the init may take to load its filter, in milliseconds. Under a profile that forbids write(2) it
 * cannot report.
 */
const PATIENCE = 5_000;

/** Whether the filter asks an agent. */
export function hasListener(filter: SeccompFilter | null): boolean {
  return filter !== null && (filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) !== 0;
}

/**
 * Loads a filter with a listener and hands the listener over.
 *
 * @param deliver Takes the listener's number in the process of `k`. It is closed there afterwards.
 * @throws {Error} When the filter cannot be loaded, or forbids the report that it was loaded.
 */
export function loadWithListener(k: Recorder, filter: SeccompFilter, deliver: (fd: number) => void): void {
  const { program, flags } = filter;
  const doing = "load the seccomp filter";
  const code = [program.length / 8, k.memory.put(program)];
  const listener = k.call("seccomp", [SECCOMP_SET_MODE_FILTER, flags, code], { doing });
  const reason = "no answer: does the profile allow write(2)?";
  const otherwise = { code: "ETIMEDOUT_SECCOMP" as const, operation: doing, reason };
  try {
    k.flush({ milliseconds: PATIENCE, otherwise });
  } catch (error) {
    // An executor that cannot report ends, where the profile lets it.
    throw error instanceof ExecutorGone ? new TsrunError(otherwise) : error;
  }
  deliver(listener.wait());
  // It closes on exec in any case.
  k.call("close", [listener], { allow: "any" });
}

/** The part of the steps' state (setup_context.ts) that loading a filter needs. */
interface Loading {
  readonly k: Recorder;
  filter: SeccompFilter | null;
  dropRights: ((k: Recorder, branches: Branches) => Result) | undefined;
}

/**
 * Loads the container's filter now, if it has a listener. The process has its final rights afterwards.
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
