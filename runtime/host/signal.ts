/**
 * Signals to processes that are known by pid and start time, so that a reused pid is never signalled.
 * @module
 */
import { EINVAL, ENOSYS, EPERM, ESRCH, strerror } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { startTimeOf } from "./process.ts";

/**
 * Sends a signal to one process.
 *
 * A pidfd holds the process before its start time is compared, so the signal goes to the process that was
 * compared. Kernels before 5.3 have no pidfd_open(2); there the comparison is made right before kill(2).
 *
 * @param pid Process id, as seen here.
 * @param startTime Field 22 of /proc/<pid>/stat at the time the pid was recorded.
 * @param signal Number, 0 to 64. 0 only asks whether the process exists.
 * @returns False when the process has ended.
 * @throws {RuntimeError} `unable to signal init: <reason>`
 */
export function sendSignal(k: LocalKernel, pid: number, startTime: string, signal: number): boolean {
  const descriptor = k.call("pidfd_open", [pid, 0], { allow: [ESRCH, EINVAL, ENOSYS, EPERM] }).wait();
  if (descriptor === -ESRCH || descriptor === -EINVAL) return false;
  try {
    if (startTimeOf(pid) !== startTime) return false;
    const answer = descriptor < 0
      ? k.call("kill", [pid, signal], { allow: "any" }).wait()
      : k.call("pidfd_send_signal", [descriptor, signal, 0, 0], { allow: "any" }).wait();
    if (answer === -ESRCH) return false;
    if (answer < 0) throw new RuntimeError("EPERM_SIGNAL", `unable to signal init: ${strerror(-answer)}`);
    return true;
  } finally {
    if (descriptor >= 0) k.call("close", [descriptor]);
  }
}

/**
 * Sends a signal to the process that has the pid now: for members of a cgroup. A process that has ended is no
 * error.
 *
 * A pid of 0 stands for a process that cannot be seen from this PID namespace. It is skipped, because kill(2)
 * would signal this process's own group.
 */
export function killPid(k: LocalKernel, pid: number, signal: number): void {
  if (pid <= 0) return;
  k.call("kill", [pid, signal], { allow: [ESRCH], doing: `signal process ${pid}` });
}
