/**
 * One hook as records: a child that becomes the hook, and a parent that waits for it with a deadline.
 *
 * The same records run hooks in the runtime's namespaces (by an executor of their own), in the container's
 * before the root changes (by the init), and at start (by the init alone, after tsrun has left).
 *
 * Sources: runtime-spec config.md (POSIX-platform Hooks), clone3(2), pidfd_open(2), poll(2), waitid(2).
 * @module
 */

import {
  CLONE_PIDFD,
  MFD_CLOEXEC,
  P_PIDFD,
  POLLIN,
  PR_SET_PDEATHSIG,
  SIGCHLD,
  SIGKILL,
  WEXITED,
} from "../ffi/constants.ts";
import { type Fd, Load, type Result } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";
import { endProcess } from "./failure_report.ts";
import { type Guard, recordLimit, recordOutputFile } from "./hook_output.ts";
import type { Hook } from "../spec/types.ts";

/** Offsets in siginfo_t of a SIGCHLD. */
export const SI_CODE = 8, SI_STATUS = 24;
/** The most bytes of a hook's output that an error message quotes. */
export const OUTPUT_SIZE = 1024;
/** Bytes of siginfo_t. */
export const SIGINFO_SIZE = 128;

/** Descriptors of files that get what hooks write, in the process that starts them. */
export interface HookOutput {
  stdout?: number;
  stderr?: number;
}

/** The input and the surroundings of a hook. */
export interface HookSetting {
  /** The container's state as JSON, its standard input. */
  state: string;
  /** Its environment when the config names none. */
  env: readonly string[];
  /** Its working directory; the executor's own when absent. */
  cwd?: string;
  /** Its output has a limit, where this process may mount. */
  limited?: boolean;
  /** Where its output goes in place of the files that errors quote. */
  output?: HookOutput;
}

/** A hook that has been recorded. */
export interface RecordedHook {
  hook: Hook;
  /** Result of poll(2): 0 when the deadline passed. */
  poll: Result;
  siginfo: Buffer;
  /** Result of the child's execve(2): a negative errno where it failed. */
  exec: Result;
  stdout: Buffer;
  stderr: Buffer;
}

/** The parts of the record of a hook that runs without tsrun. */
export interface OnItsOwn {
  /** Makes every call of the process that waits for the hook. */
  guard: Guard;
  /** Makes the hook's process what the container's will be, right before it becomes the hook. */
  confine: (k: Recorder, onError: Label) => void;
}

const DRIVEN: OnItsOwn = { guard: (step) => step(), confine: () => {} };

/**
 * Records a hook from beginning to end. `hookFailure` of `hook_failure.ts` tells how it ended.
 *
 * @param alone For programs that run without tsrun.
 */
export function recordHook(
  k: Recorder,
  hook: Hook,
  setting: HookSetting,
  { guard, confine }: OnItsOwn = DRIVEN,
): RecordedHook {
  const { output = {} } = setting;
  // As a text, which is copied to the arena once for all hooks.
  const size = new TextEncoder().encode(setting.state).length;
  const stdin = guard((onError) => k.call("memfd_create", ["hook:state", MFD_CLOEXEC], { onError }));
  guard((onError) => k.call("write", [stdin, setting.state, size], { onError }));
  guard((onError) => k.call("lseek", [stdin, 0, 0], { onError }));
  // What goes to a file of the host is not quoted in errors.
  const [stdout, stderr] = (["stdout", "stderr"] as const).map((stream) =>
    output[stream] === undefined ? recordOutputFile(k, stream, guard) : undefined
  );
  const files = [stdout, stderr].filter((file) => file !== undefined);
  if (setting.limited && files.length > 0) recordLimit(k, files);
  // The kernel writes the child's pidfd to where poll(2) reads it: struct pollfd begins with the descriptor.
  const pollfd = k.buffer(8), siginfo = k.buffer(SIGINFO_SIZE);
  pollfd.bytes[4] = POLLIN;
  const parent = new Label();
  const clone = [CLONE_PIDFD, pollfd.address, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 0];
  guard((onError) => k.call("clone3", [clone, 88], { onPositive: parent, onError }));
  const exec = recordChild(
    k,
    hook,
    setting,
    [stdin, output.stdout ?? stdout!, output.stderr ?? stderr!],
    confine,
  );
  k.place(parent);
  const poll = recordDeadline(k, hook, pollfd, guard);
  guard((onError) => k.call("waitid", [P_PIDFD, new Load(pollfd), siginfo, WEXITED, 0], { onError }));
  for (const fd of [new Load(pollfd), stdin]) k.call("close", [fd], { allow: "any" });
  return { hook, poll, siginfo, exec, stdout: recordOutput(k, stdout), stderr: recordOutput(k, stderr) };
}

/**
 * The child's part: standard descriptors, working directory, execve. A failure ends it: what it would do
 * else, report, is for its parent to do.
 */
function recordChild(
  k: Recorder,
  hook: Hook,
  { env, cwd }: HookSetting,
  io: readonly Fd[],
  confine: OnItsOwn["confine"],
): Result {
  const onError = new Label();
  // The hook ends with its parent, for example when tsrun is interrupted.
  k.call("prctl", [PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0], { onError });
  io.forEach((fd, i) => k.call("dup3", [fd, i, 0], { onError }));
  // A hook may run without it: poststop hooks do when the bundle is gone.
  if (cwd !== undefined) k.call("chdir", [cwd], { allow: "any" });
  confine(k, onError);
  const args = hook.args?.length ? hook.args : [hook.path];
  const exec = k.call("execve", [hook.path, args, hook.env ?? env], { onError });
  k.place(onError);
  endProcess(k, 127);
  return exec;
}

/** Waits for the child's end until the deadline, and kills it then. poll(2) answers 0 in that case. */
function recordDeadline(k: Recorder, hook: Hook, pollfd: Buffer, guard: Guard): Result {
  const ended = new Label();
  const timeout = hook.timeout === undefined ? null : [hook.timeout, 0];
  const poll = guard((onError) =>
    k.call("ppoll", [pollfd, 1, timeout, null, 8], { onPositive: ended, onError })
  );
  k.call("pidfd_send_signal", [new Load(pollfd), SIGKILL, null, 0], { allow: "any" });
  k.place(ended);
  return poll;
}

/** Reads the beginning of the hook's output, which is empty without a file. */
function recordOutput(k: Recorder, file: Result | undefined): Buffer {
  if (file === undefined) return k.buffer(1);
  const text = k.buffer(OUTPUT_SIZE);
  k.call("pread64", [file, text, OUTPUT_SIZE - 1, 0], { allow: "any" });
  k.call("close", [file], { allow: "any" });
  return text;
}

/**
 * A word of a recorded hook that is not zero when the hook failed: its exit status, or the signal that ended
 * it.
 */
export function statusWord({ siginfo }: RecordedHook): Load {
  return new Load(siginfo.slice(SI_STATUS, 8));
}
