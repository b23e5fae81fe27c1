/**
 * What a signal is called in messages: strsignal(3) in lower case, as runc has it.
 * @module
 */

/** From signal 1 on. */
const TEXTS: readonly string[] = [
  ...["hangup", "interrupt", "quit", "illegal instruction", "trace/breakpoint trap", "aborted", "bus error"],
  ...["floating point exception", "killed", "user defined signal 1", "segmentation fault"],
  ...["user defined signal 2", "broken pipe", "alarm clock", "terminated", "stack fault", "child exited"],
  ...["continued", "stopped (signal)", "stopped", "stopped (tty input)", "stopped (tty output)"],
  ...["urgent I/O condition", "CPU time limit exceeded", "file size limit exceeded"],
  ...["virtual timer expired", "profiling timer expired", "window changed", "I/O possible", "power failure"],
  "bad system call",
];

/** The words for a signal. Real-time signals have none: `signal 34`. */
export function signalText(signal: number): string {
  return TEXTS[signal - 1] ?? `signal ${signal}`;
}
