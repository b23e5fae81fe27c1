/**
 * Rules between the values of CPU scheduling and of memory policies.
 *
 * @module
 */
import { parseCpuList } from "../cpu_list.ts";
import type { Partly, Report } from "../rules/report.ts";
import type { Linux, Process } from "../types.ts";

/**
 * `process.scheduler`: sched_setattr(2).
 *
 * @param path Path of the process with a dot, empty for a document that is one.
 */
export function checkScheduler({ scheduler }: Partly<Process>, path: string, report: Report): void {
  if (scheduler?.policy === undefined) return;
  const { policy, nice = 0, priority = 0 } = scheduler, at = `${path}scheduler.`;
  if ((policy === "SCHED_OTHER" || policy === "SCHED_BATCH") && (nice < -20 || nice > 19)) {
    const reason = `invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`;
    report(`${at}nice`, reason, "from -20 to 19");
  }
  const realTime = policy === "SCHED_FIFO" || policy === "SCHED_RR";
  if (!realTime && priority !== 0) {
    report(`${at}priority`, "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
  } else if (realTime && (priority < 1 || priority > 99)) {
    const reason = `invalid scheduler.priority: ${priority} when scheduler.policy is ${policy}`;
    report(`${at}priority`, reason, "from 1 to 99");
  }
  const time = (["runtime", "deadline", "period"] as const).find((key) => scheduler[key]);
  if (policy !== "SCHED_DEADLINE" && time !== undefined) {
    report(at + time, "scheduler runtime/deadline/period can only be specified for SchedDeadline policy");
  }
}

/** `linux.memoryPolicy`: set_mempolicy(2). */
export function checkMemoryPolicy({ memoryPolicy }: Partly<Linux>, report: Report): void {
  if (memoryPolicy?.mode === undefined || memoryPolicy.mode === "MPOL_PREFERRED") return;
  const { mode, nodes = "" } = memoryPolicy, path = "linux.memoryPolicy.nodes";
  const none = mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL", count = parseCpuList(nodes).size;
  if (none && count > 0) report(path, `memory policy mode requires 0 nodes but got ${count}`);
  if (!none && count === 0) report(path, "memory policy mode requires at least one node but got 0");
}
