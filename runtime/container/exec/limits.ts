/**
 * `process.rlimits` of `exec`. tsrun raises limits from outside, and the process lowers them itself.
 *
 * A process that has dropped its rights may lower its limits but not raise them: getrlimit(2). So tsrun
 * raises those of its parent where necessary. The process sets all limits right before its program, when a
 * low limit can no longer disturb its own steps.
 * @module
 */

import { RLIMIT_NOFILE } from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { Limit } from "../../../init/exec_context.ts";
import { RLIMITS } from "../../../spec/rlimits.ts";
import type { Rlimit } from "../../../spec/types.ts";
import { callersOpenFiles } from "../../host/rlimits.ts";

/**
 * The limits to set. Without one for open files it is that of tsrun's caller.
 *
 * @param rlimits `process.rlimits`.
 */
export function limitsOf(k: LocalKernel, rlimits: readonly Rlimit[] = []): Limit[] {
  const limits = rlimits.map(({ type, soft, hard }): Limit => ({
    resource: RLIMITS[type],
    soft,
    hard,
    doing: `set ${type} to ${soft} (soft) and ${hard} (hard)`,
  }));
  if (!limits.some(({ resource }) => resource === RLIMIT_NOFILE)) {
    const [soft, hard] = callersOpenFiles(k);
    limits.push({ resource: RLIMIT_NOFILE, soft, hard, doing: "restore RLIMIT_NOFILE" });
  }
  return limits;
}

/**
 * Raises the hard limits of a process to those of its future clone.
 *
 * @throws {OperationError} with the limit's name. EPERM means that the runtime may not raise it so far.
 */
export function raiseLimits(k: LocalKernel, pid: number, limits: readonly Limit[]): void {
  k.scratch(() => {
    const old = k.buffer(16);
    for (const { resource, hard, doing } of limits) {
      k.getrlimit(0, resource, old);
      // The process has tsrun's own limits. Asking another user's process for them takes CAP_SYS_RESOURCE.
      if (old.word(8) < hard) k.prlimit(pid, resource, old.word(0), hard, { doing });
    }
  });
}
