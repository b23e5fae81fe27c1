/**
 * What /proc says of processes.
 * @module
 */

/** What /proc says of a process. */
export interface ProcessState {
  /** Field 3 of /proc/<pid>/stat: `R`, `S`, `Z` for a zombie, ... */
  state: string;
  /** Field 22: clock ticks after boot at which it started. */
  startTime: string;
  /** Whether it ends: it has given its namespaces back by then, or is about to. */
  ending: boolean;
}

/** Of field 9: the process has begun to end (include/linux/sched.h). */
const PF_EXITING = 4;

/** Looks a process up: proc_pid_stat(5). Undefined when there is none. */
export function processState(pid: number): ProcessState | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // Field 2 is the command in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], startTime: fields[19], ending: (Number(fields[6]) & PF_EXITING) !== 0 };
}

/** Field 22 of /proc/<pid>/stat, undefined when there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  return processState(pid)?.startTime;
}
