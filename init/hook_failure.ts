/**
 * Why a hook failed. Only a command that runs hooks, or hears of their failure, needs this.
 * @module
 */
import { CLD_DUMPED, CLD_EXITED } from "../ffi/constants.ts";
import { strerror } from "../ffi/errno.ts";
import type { Buffer } from "../ffi/memory.ts";
import { signalText } from "../spec/signal_text.ts";
import { type RecordedHook, SI_CODE, SI_STATUS } from "./hook_program.ts";

/**
 * Why a hook failed, in runc's words; undefined when it succeeded. Call it after the hook's records have run.
 */
export function hookFailure(recorded: RecordedHook): string | undefined {
  const { hook, poll, siginfo, exec } = recorded;
  const code = siginfo.i32(SI_CODE), status = siginfo.i32(SI_STATUS);
  if (code === CLD_EXITED && status === 0) return undefined;
  if (exec.wait() < 0) return `fork/exec ${hook.path}: ${strerror(-exec.wait())}`;
  if (hook.timeout !== undefined && poll.wait() === 0) {
    return `hook ran past specified timeout of ${hook.timeout.toFixed(1)}s`;
  }
  const how = code === CLD_EXITED
    ? `exit status ${status}`
    : `signal: ${signalText(status)}${code === CLD_DUMPED ? " (core dumped)" : ""}`;
  const { stdout, stderr } = outputOfHook(recorded);
  return `${how}, stdout: ${stdout}, stderr: ${stderr}`;
}

/** The beginning of what a hook wrote, in one line each. Call it after the hook's records have run. */
export function outputOfHook({ stdout, stderr }: RecordedHook): { stdout: string; stderr: string } {
  const line = (text: Buffer) => text.text().trim().replaceAll("\n", " ");
  return { stdout: line(stdout), stderr: line(stderr) };
}
