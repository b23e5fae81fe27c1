/**
 * `process.rlimits`, set from outside by prlimit(2): the init may lack the privilege by then.
 * @module
 */

import { RLIMIT_NOFILE } from "../ffi/constants.ts";
import { OperationError } from "../ffi/kernel.ts";
import type { LocalKernel } from "../ffi/local.ts";
import { RLIMITS } from "../spec/rlimits.ts";
import type { Rlimit } from "../spec/types.ts";

/**
 * Sets the limits of a process; without one for open files it gets back the one that tsrun's caller has.
 *
 * @throws {OperationError} Naming the limit; EPERM means that the runtime itself may not raise it so far.
 */
export function setRlimits(k: LocalKernel, pid: number, rlimits: readonly Rlimit[] = []): void {
  for (const { type, soft, hard } of rlimits) {
    const doing = `set ${type} to ${soft} (soft) and ${hard} (hard)`;
    k.prlimit(pid, RLIMITS[type], Number(soft), Number(hard), { doing });
  }
  if (rlimits.some(({ type }) => type === "RLIMIT_NOFILE")) return;
  const [soft, hard] = callersOpenFiles();
  try {
    k.prlimit(pid, RLIMIT_NOFILE, soft, hard);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
  }
}

/** Deno raises its soft limit as far as it may when it starts, so the caller's own is asked: proc_pid_limits(5). */
export function callersOpenFiles(): [number, number] {
  const text = Deno.readTextFileSync(`/proc/${Deno.ppid}/limits`);
  const [, soft, hard] = /^Max open files +(\S+) +(\S+)/m.exec(text) ?? [];
  const number = (word: string | undefined) =>
    word === "unlimited" || word === undefined ? 2 ** 64 : Number(word);
  return [number(soft), number(hard)];
}
