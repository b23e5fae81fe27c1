/**
 * How the kernel treats the process: CPU and I/O scheduling, CPUs, memory nodes, execution domain.
 *
 * Sources: sched_setattr(2), ioprio_set(2), sched_setaffinity(2), set_mempolicy(2), personality(2),
 * runtime-spec config.md (Linux Process) and config-linux.md (Memory Policy, Personality). Children inherit
 * all attributes except a deadline, and except what SCHED_FLAG_RESET_ON_FORK takes from them.
 * @module
 */

import { IOPRIO_CLASS_SHIFT, IOPRIO_WHO_PROCESS } from "../ffi/constants.ts";
import { EPERM } from "../ffi/errno.ts";
import { type Kernel, OperationError, type Result } from "../ffi/kernel.ts";
import type { Label, Recorder } from "../ffi/recorder.ts";
import { parseCpuList } from "../spec/cpu_list.ts";
import {
  IO_PRIORITY_CLASSES,
  MEMORY_POLICY_FLAGS,
  MEMORY_POLICY_MODES,
  PERSONALITY_DOMAINS,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
} from "../spec/scheduling.ts";
import type { Linux, Process, Scheduler, Uint64 } from "../spec/types.ts";

/** Bytes of `struct sched_attr` as of Linux 3.14. Later fields belong to flags that need them. */
const SCHED_ATTR_SIZE = 48;
const WORD = 0x1_0000_0000;

/**
 * Sets the calling process's attributes. Real-time scheduling needs CAP_SYS_NICE, so this comes before that
 * is dropped.
 */
export function setAttributes(k: Kernel, process: Process, linux: Linux | undefined): void {
  if (process.scheduler) setScheduler(k, process.scheduler, Boolean(linux?.resources?.cpu?.cpus));
  setInherited(k, process, linux);
}

/** Sets the attributes that a clone of the process inherits. */
function setInherited(k: Kernel, { ioPriority }: Process, linux: Linux | undefined): void {
  if (ioPriority) {
    const value = IO_PRIORITY_CLASSES[ioPriority.class] << IOPRIO_CLASS_SHIFT | ioPriority.priority;
    k.call("ioprio_set", [IOPRIO_WHO_PROCESS, 0, value], { doing: "set the I/O priority of the process" });
  }
  if (linux?.personality) {
    const { domain } = linux.personality;
    k.call("personality", [PERSONALITY_DOMAINS[domain]], { doing: `set the personality ${domain}` });
  }
  if (linux?.memoryPolicy) setMemoryPolicy(k, linux.memoryPolicy);
}

function setScheduler(k: Kernel, scheduler: Scheduler, hasCpus: boolean): void {
  const doing = `set the scheduler ${scheduler.policy} of the process`;
  k.call("sched_setattr", [0, schedAttr(scheduler), 0], {
    doing,
    repair(errno) {
      // A deadline is admitted for all CPUs of the root domain only: sched(7).
      const hint = errno === EPERM && hasCpus
        ? "process scheduler can't be used together with AllowedCPUs"
        : doing;
      throw new OperationError("sched_setattr", errno, "", hint);
    },
  });
}

/** `struct sched_attr`. */
function schedAttr(scheduler: Scheduler): Uint64[] {
  const { policy, nice = 0, priority = 0, flags = [], runtime = 0, deadline = 0, period = 0 } = scheduler;
  return [
    SCHED_ATTR_SIZE + SCHEDULER_POLICIES[policy] * WORD,
    flags.reduce((sum, flag) => sum | SCHEDULER_FLAGS[flag], 0),
    (nice >>> 0) + priority * WORD,
    runtime,
    deadline,
    period,
  ];
}

function setMemoryPolicy(
  k: Kernel,
  { mode, nodes = "", flags = [] }: NonNullable<Linux["memoryPolicy"]>,
): void {
  const number = flags.reduce(
    (sum, flag) => sum | MEMORY_POLICY_FLAGS[flag],
    MEMORY_POLICY_MODES[mode] as number,
  );
  const mask = listMask(nodes);
  // The kernel reads one bit less than it is told: set_mempolicy(2).
  const length = mask.length === 0 ? 0 : mask.length * 8 + 1;
  const doing = `set the memory policy ${mode} for nodes ${JSON.stringify(nodes)}`;
  k.call("set_mempolicy", [number, mask.length === 0 ? null : mask, length], { doing });
}

/** A bit for each number of a list, in whole 64-bit words; empty for an empty list. */
function listMask(list: string): Uint8Array {
  const numbers = [...parseCpuList(list)];
  const mask = new Uint8Array(Math.ceil((Math.max(-1, ...numbers) + 1) / 64) * 8);
  for (const number of numbers) mask[number >> 3] |= 1 << (number & 7);
  return mask;
}

/**
 * Binds a process to CPUs.
 *
 * @param pid Process, 0 for the caller.
 * @param cpus A list such as `0-3,7`; an empty one changes nothing.
 */
export function setAffinity(k: Kernel, pid: number, cpus: string): void {
  const mask = listMask(cpus);
  if (mask.length === 0) return;
  k.call("sched_setaffinity", [pid, mask.length, mask], { doing: `set the CPU affinity to ${cpus}` });
}

/**
 * Attributes of a process that is cloned after its rights are dropped: some are set before, some by the
 * clone.
 */
export interface SplitAttributes {
  /** Run before the clone, with all rights. */
  before: (k: Kernel) => void;
  /** Run by the clone; undefined where nothing is left to be set. */
  after: ((k: Recorder, onError: Label) => Result) | undefined;
  /** The clone needs CAP_SYS_NICE. Only a deadline, which is not inherited, takes that. */
  needsNice: boolean;
}

/** Splits the attributes for `exec`, whose process is a clone of one that has dropped its rights. */
export function splitAttributes(process: Process, linux: Linux | undefined): SplitAttributes {
  const { scheduler } = process;
  const deadline = scheduler?.policy === "SCHED_DEADLINE";
  const reset = scheduler?.flags?.includes("SCHED_FLAG_RESET_ON_FORK") === true;
  const flags = scheduler?.flags?.filter((flag) => flag !== "SCHED_FLAG_RESET_ON_FORK");
  // The flag itself may be set by any process that has the policy already.
  const inherited = scheduler === undefined || deadline ? undefined : { ...scheduler, flags };
  return {
    before: (k) => setAttributes(k, { ...process, scheduler: inherited }, linux),
    after: deadline || reset
      ? (k, onError) => k.call("sched_setattr", [0, schedAttr(scheduler!), 0], { onError })
      : undefined,
    needsNice: deadline,
  };
}
