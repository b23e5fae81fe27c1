/**
 * Facts about processes, from /proc.
 * @module
 */

import { PF_EXITING } from "../../ffi/constants.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";

/** Facts about a process. */
export interface ProcessState {
  /** Field 2: the first 15 bytes of its program's name, or the name that it has given itself. */
  name: string;
  /** Field 3 of /proc/<pid>/stat: `R`, `S`, `Z` for a zombie, ... */
  state: string;
  /** Field 22: clock ticks after boot at which it started. */
  startTime: string;
  /** Whether it is ending: it has given its namespaces back, or is about to. */
  ending: boolean;
}

/**
 * Looks a process up: proc_pid_stat(5).
 *
 * @returns Undefined if the process does not exist.
 * @throws {RuntimeError} If the host does not answer. A process that cannot be looked at has not necessarily
 * ended.
 */
export function processState(pid: number): ProcessState | undefined {
  const path = `/proc/${pid}/stat`;
  let stat: string;
  try {
    stat = Deno.readTextFileSync(path);
  } catch (error) {
    // The process had ended before the file was opened, or before it was read.
    if (error instanceof Deno.errors.NotFound || reasonOf(error) === "no such process") return undefined;
    throw new RuntimeError("EIO_PROC", `read ${path}: ${reasonOf(error)}`);
  }
  // Field 2 is in parentheses, and may itself hold spaces and parentheses.
  const begin = stat.indexOf("(") + 1, end = stat.lastIndexOf(")");
  const fields = stat.slice(end + 2).split(" ");
  const ending = (Number(fields[6]) & PF_EXITING) !== 0;
  return { name: stat.slice(begin, end), state: fields[0], startTime: fields[19], ending };
}

/** Field 22 of /proc/<pid>/stat, undefined when there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  return processState(pid)?.startTime;
}
