/**
 * What the init does by itself once it is set up: it waits for `start`, and becomes the container's process.
 *
 * No tsrun is there to drive it, so this is one program of records. It opens exec.fifo for writing, which blocks
 * until `start` opens it for reading. The descriptor closes on exec: end of file tells the reader that execve(2)
 * succeeded, anything else is a report of what failed.
 *
 *     created ─ openat(exec.fifo) ─ startContainer hooks ─ seccomp ─ capset ─ execve ─> end of file
 *                                          └──────────────────┴─────────┴───────┴────> report, exit
 *
 * A hook runs with the limits, the filter and the capabilities of the container's process: its own process takes them,
 * right before it becomes the hook, so that the filter need not allow what it takes to start a hook and to wait for it.
 *
 * With no-new-privileges nothing stands between seccomp and execve; a filter with a listener has been loaded before.
 * @module
 */

import * as c from "../ffi/constants.ts";
import { AddressOf, type Arg, type Fd, type Result } from "../ffi/kernel.ts";
import { type Branches, Label, type Recorder } from "../ffi/recorder.ts";
import { RLIMITS } from "../spec/rlimits.ts";
import type { Hook, Process, Rlimit } from "../spec/types.ts";
import { closeQuietly } from "./cut_off.ts";
import { endProcess, FailureReports } from "./failure_report.ts";
import { type HookSetting, type RecordedHook, recordHook, statusWord } from "./hook_program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";

/** What the program needs to know. */
export interface StartPlan {
  process: Process;
  /** Path of the program, and the complete environment. */
  path: string;
  env: readonly string[];
  /** Procfs to reopen the fifo through, and the number of the fifo's `O_PATH` descriptor. */
  procfs: Fd;
  fifo: number;
  /** The descriptor that the init is driven through. */
  channel: number;
  hooks: readonly Hook[];
  hookSetting: HookSetting;
  /** Null: there is none, or it has been loaded. */
  filter: SeccompFilter | null;
  /** Rights that are given up after the filter has been loaded; undefined where the process has its final ones. */
  dropRights: DropRights | undefined;
}

/** Gives the process its final capabilities. @returns The call that may fail. */
export type DropRights = (k: Recorder, branches: Branches) => Result;

/** Records the program; the kernel then {@linkcode RemoteKernel.release releases} it. */
export function recordStart(k: Recorder, plan: StartPlan): void {
  closeQuietly(k, plan.channel);
  // Without the fifo there is nobody to tell, and nothing to wait for: the program must not run.
  const alone = new Label();
  const fifo = k.call("openat", [plan.procfs, `self/fd/${plan.fifo}`, c.O_WRONLY | c.O_CLOEXEC, 0], {
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
    const limit = [Number(soft), Number(hard)];
    const call = (onError: Label) => k.call("prlimit64", [0, RLIMITS[type], limit, 0], { onError });
    guard(`set ${type} to ${soft} (soft) and ${hard} (hard)`, call);
  }
}

/** The arguments of seccomp(2). */
function loading(k: Recorder, { program, flags }: SeccompFilter): readonly Arg[] {
  return [c.SECCOMP_SET_MODE_FILTER, flags, [program.length / 8, k.memory.put(program)]];
}

/** The filter, and the rights that are given up behind it: for the container's process, and for each hook before it. */
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
 * Limits that the process sets itself: as another user's it is out of the reach of a tsrun without CAP_SYS_RESOURCE,
 * but it may lower its own (getrlimit(2)).
 */
function ownLimits({ user, rlimits = [] }: Process): readonly Rlimit[] {
  return user.uid === 0 && user.gid === 0 ? [] : rlimits;
}

/** Where a hook that fails leads. */
interface FailedHook {
  label: Label;
  recorded: RecordedHook;
  index: number;
}

/** A report begins with a word, negative: an errno, positive: which hook, and what belongs to it. */
function reportHook(k: Recorder, fifo: Result, recorded: RecordedHook, index: number): void {
  k.call("write", [fifo, [index + 1], 8], { allow: "any" });
  for (const result of [recorded.poll, recorded.exec]) {
    k.call("write", [fifo, new AddressOf(result), 8], { allow: "any" });
  }
  for (const buffer of [recorded.siginfo, recorded.stdout, recorded.stderr]) {
    k.call("write", [fifo, buffer, buffer.size], { allow: "any" });
  }
}
