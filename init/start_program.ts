/**
 * The init's own program, after it is set up: it waits for `start`, and becomes the container's process.
 *
 * tsrun has left by then, so this is one program of records. It opens exec.fifo for writing, which blocks
 * until `start` opens it for reading. The descriptor closes on exec. An end of file tells the reader that
 * execve(2) succeeded; bytes are a report of a failure.
 *
 *     created ─ openat(exec.fifo) ─ startContainer hooks ─ seccomp ─ capset ─ execve ─> end of file
 *                                          └──────────────────┴─────────┴───────┴────> report, exit
 *
 * A hook runs with the limits, the filter and the capabilities of the container's process: its own process
 * takes them, right before it becomes the hook, so that the filter need not allow what it takes to start a
 * hook and to wait for it.
 *
 * With no-new-privileges the filter is loaded right before execve. A filter with a listener has been loaded
 * before.
 * @module
 */

import { O_CLOEXEC, O_WRONLY, SECCOMP_SET_MODE_FILTER } from "../ffi/constants.ts";
import { AddressOf, type Arg, type Fd, type Result } from "../ffi/kernel.ts";
import { type Branches, Label, type Recorder } from "../ffi/recorder.ts";
import { RLIMITS } from "../spec/rlimits.ts";
import type { Hook, Process, Rlimit } from "../spec/types.ts";
import { closeQuietly } from "./cut_off.ts";
import { endProcess, FailureReports } from "./failure_report.ts";
import { type HookSetting, type RecordedHook, recordHook, statusWord } from "./hook_program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";

/** Facts for the program. */
export interface StartPlan {
  process: Process;
  /** Path of the program, and the complete environment. */
  path: string;
  env: readonly string[];
  /** The procfs through which the fifo is reopened, and the number of the fifo's `O_PATH` descriptor. */
  procfs: Fd;
  fifo: number;
  /** The descriptor that the init is driven through. */
  channel: number;
  hooks: readonly Hook[];
  hookSetting: HookSetting;
  /** Null where there is none, or where it has been loaded. */
  filter: SeccompFilter | null;
  /** Drops rights after the filter has been loaded; undefined where the process has its final ones. */
  dropRights: DropRights | undefined;
}

/** Gives the process its final capabilities. @returns The call that may fail. */
export type DropRights = (k: Recorder, branches: Branches) => Result;

/** Records the program. The kernel then {@linkcode RemoteKernel.release releases} it. */
export function recordStart(k: Recorder, plan: StartPlan): void {
  closeQuietly(k, plan.channel);
  // Without the fifo the init can neither report nor wait, so the program must not run.
  const alone = new Label();
  const fifo = k.call("openat", [plan.procfs, `self/fd/${plan.fifo}`, O_WRONLY | O_CLOEXEC, 0], {
    onError: alone,
  });
  const reports = new FailureReports(k, fifo), failedHooks: FailedHook[] = [];
  const guard: Guarded = (doing, step) => reports.guard(doing, step);
  limitProcess(k, plan, guard);
  const filter = plan.filter && loading(k, plan.filter);
  plan.hooks.forEach((hook, i) => {
    const label = new Label();
    const doing = `start startContainer hook #${i}`;
    const recorded = recordHook(k, hook, plan.hookSetting, {
      guard: (step) => guard(doing, step),
      confine: (k, onError) => confine(k, filter, plan, (_, step) => step(onError)),
    });
    k.branch(statusWord(recorded), { onPositive: label, onError: label });
    failedHooks.push({ label, recorded, index: i });
  });
  confine(k, filter, plan, guard);
  const { args } = plan.process;
  reports.guard(`exec ${plan.path}`, (onError) => k.call("execve", [plan.path, args, plan.env], { onError }));
  reports.record();
  k.place(alone);
  endProcess(k);
  for (const { label, recorded, index } of failedHooks) {
    k.place(label);
    reportHook(k, fifo, recorded, index);
    endProcess(k);
  }
}

/** Makes a call that must not fail, told what it does, and where a failure leads. */
type Guarded = (doing: string, step: (onError: Label) => Result) => Result;

/** The limits that are left to the process. */
function limitProcess(k: Recorder, plan: StartPlan, guard: Guarded): void {
  for (const { type, soft, hard } of ownLimits(plan.process)) {
    const call = (onError: Label) => k.call("prlimit64", [0, RLIMITS[type], [soft, hard], 0], { onError });
    guard(`set ${type} to ${soft} (soft) and ${hard} (hard)`, call);
  }
}

/** The arguments of seccomp(2). */
function loading(k: Recorder, { program, flags }: SeccompFilter): readonly Arg[] {
  return [SECCOMP_SET_MODE_FILTER, flags, [program.length / 8, k.memory.put(program)]];
}

/**
 * The filter, and the rights that are given up behind it: for the container's process, and for each hook
 * before it.
 */
function confine(
  k: Recorder,
  filter: readonly Arg[] | null,
  { dropRights }: StartPlan,
  guard: Guarded,
): void {
  if (filter) guard("load the seccomp filter", (onError) => k.call("seccomp", filter, { onError }));
  if (dropRights) guard("set the capabilities of the process", (onError) => dropRights(k, { onError }));
}

/**
 * Limits that the process sets itself. Where it runs as another user, a tsrun without CAP_SYS_RESOURCE cannot
 * set them, but the process may lower its own (getrlimit(2)).
 */
function ownLimits({ user, rlimits = [] }: Process): readonly Rlimit[] {
  return user.uid === 0 && user.gid === 0 ? [] : rlimits;
}

/** A hook, and the label that its failure leads to. */
interface FailedHook {
  label: Label;
  recorded: RecordedHook;
  index: number;
}

/**
 * Records the report of a failed hook: a positive word, which is the hook's number, and then the facts about
 * it. A report of another failure begins with a negative word, an errno.
 */
function reportHook(k: Recorder, fifo: Result, recorded: RecordedHook, index: number): void {
  k.call("write", [fifo, [index + 1], 8], { allow: "any" });
  for (const result of [recorded.poll, recorded.exec]) {
    k.call("write", [fifo, new AddressOf(result), 8], { allow: "any" });
  }
  for (const buffer of [recorded.siginfo, recorded.stdout, recorded.stderr]) {
    k.call("write", [fifo, buffer, buffer.size], { allow: "any" });
  }
}
