/**
 * How the kernel treats the process: `process.scheduler`, `ioPriority`, `execCPUAffinity`,
 * `linux.personality` and `memoryPolicy`. init/process_attributes.ts makes the calls.
 * @module
 */

import { setAffinity, setAttributes, splitAttributes } from "../../init/process_attributes.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "./feature.ts";

/** The container's own process sets its attributes while it has all rights. */
export function forCreate({ spec }: CreateRequest): CreateFeature {
  return { steps: () => ({ attributes: ({ k }) => setAttributes(k, spec.process, spec.linux) }) };
}

/**
 * The joiner sets the attributes that its clone inherits, and the clone sets the rest. tsrun sets the CPUs.
 */
export function forExec({ process, spec }: ExecRequest): ExecFeature {
  const { before, after, needsNice } = splitAttributes(process, spec.linux);
  const { initial, final } = process.execCPUAffinity ?? {};
  return {
    host: {
      begun: ({ k, stage }) => initial && setAffinity(k, stage.pid, initial),
      limits: ({ k, stage }) => final && setAffinity(k, stage.initPid, final),
    },
    steps: () => ({
      host({ calls, lateRights }) {
        if (after) calls.push("sched_setattr");
        if (needsNice) lateRights.push("CAP_SYS_NICE");
      },
      attributes: ({ k }) => before(k),
      scheduler: after &&
        (({ k, reports }) => {
          reports.guard("set the scheduler of the process", (onError) => after(k, onError));
        }),
    }),
  };
}
