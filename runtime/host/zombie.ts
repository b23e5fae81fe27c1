/**
 * How a process has ended that its parent has not reaped yet: proc_pid_stat(5).
 * @module
 */

import { readText } from "./files.ts";

/** Fields of /proc/<pid>/stat, counted from field 3: state, num_threads, starttime, exit_code. */
const STATE = 0, THREADS = 17, START_TIME = 19, EXIT_CODE = 49;

/**
 * The status word of a zombie.
 *
 * @param startTime Field 22 of /proc/<pid>/stat. With the pid it names one process.
 * @returns Status word of wait(2). Undefined if there is no such zombie, or if the caller may not know.
 */
export function zombieWord(pid: number, startTime: string): number | undefined {
  try {
    const stat = readText(`/proc/${pid}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // Threads may outlive the first one, which is then a zombie of a process that runs.
    if (fields[STATE] !== "Z" || fields[THREADS] !== "1" || fields[START_TIME] !== startTime) {
      return undefined;
    }
    // A caller without the right to trace the process reads 0. This link takes the same right.
    Deno.readLinkSync(`/proc/${pid}/ns/user`);
    return Number(fields[EXIT_CODE]);
  } catch {
    return undefined;
  }
}
