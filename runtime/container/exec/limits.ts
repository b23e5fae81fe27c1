/**
 * `process.rlimits` of `exec`: raised from outside, by tsrun, and lowered by the process itself.
 *
 * A process that has dropped its rights may lower its limits but not raise them: getrlimit(2). So its parent gets
 * those that are above tsrun's own, and the process sets all of them to what they are to be, right before its
 * program, when a low limit cannot be in its own way any more.
 * @module
 */

import { RLIMIT_NOFILE } from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { Limit } from "../../../init/exec_context.ts";
import { RLIMITS } from "../../../spec/rlimits.ts";
import type { Rlimit } from "../../../spec/types.ts";
import { callersOpenFiles } from "../../host/rlimits.ts";

/**
 * The limits to be set; without one for open files it is the one that tsrun's caller has.
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
 * Raises the hard limits of a process to those that its clone is to have.
 *
 * @throws {OperationError} Naming the limit; EPERM means that the runtime itself may not raise it so far.
 */
export function raiseLimits(k: LocalKernel, pid: number, limits: readonly Limit[]): void {
  k.scratch(() => {
    const old = k.buffer(16);
    for (const { resource, hard, doing } of limits) {
      k.getrlimit(0, resource, old);
      // The process has tsrun's own limits, but as another user's it may not be asked without CAP_SYS_RESOURCE.
      if (old.word(8) < hard) k.prlimit(pid, resource, old.word(0), hard, { doing });
    }
  });
}
