/**
 * `process.rlimits`, set from outside by prlimit(2), because the init may lack the privilege by then.
 * @module
 */

import { RLIMIT_NOFILE } from "../../ffi/constants.ts";
import { EPERM } from "../../ffi/errno.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { exactInteger, UINT64_MAX } from "../../spec/integers.ts";
import { RLIMITS } from "../../spec/rlimits.ts";
import type { Rlimit, Uint64 } from "../../spec/types.ts";

/**
 * Sets the limits of a process, but for that of open files.
 *
 * @throws {OperationError} with the limit's name. EPERM means that the runtime may not raise it so far.
 */
export function setRlimits(k: LocalKernel, pid: number, rlimits: readonly Rlimit[] = []): void {
  setAll(k, pid, rlimits.filter(({ type }) => type !== OPEN_FILES));
}

/**
 * Sets the limit of open files of a process: the config's, or else the one that tsrun's caller has.
 *
 * @throws {OperationError} As {@linkcode setRlimits} does.
 */
export function setOpenFilesLimit(k: LocalKernel, pid: number, rlimits: readonly Rlimit[] = []): void {
  const own = rlimits.filter(({ type }) => type === OPEN_FILES);
  if (own.length > 0) return setAll(k, pid, own);
  const [soft, hard] = callersOpenFiles(k);
  try {
    k.prlimit(pid, RLIMIT_NOFILE, soft, hard);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
  }
}

const OPEN_FILES = "RLIMIT_NOFILE";

function setAll(k: LocalKernel, pid: number, rlimits: readonly Rlimit[]): void {
  for (const { type, soft, hard } of rlimits) {
    const doing = `set ${type} to ${soft} (soft) and ${hard} (hard)`;
    try {
      k.prlimit(pid, RLIMITS[type], soft, hard, { doing });
    } catch (error) {
      const lowers = hard <= ownHardLimit(k, RLIMITS[type]);
      if (!(error instanceof OperationError) || error.errno !== EPERM || !lowers) throw error;
    }
  }
}

/**
 * The hard limit of tsrun, and so of its init. The init lowers its limits itself where necessary
 * (init/start_program.ts).
 */
function ownHardLimit(k: LocalKernel, resource: number): Uint64 {
  return k.scratch(() => {
    const limit = k.buffer(16);
    k.call("prlimit64", [0, resource, null, limit]);
    return limit.word(8);
  });
}

/**
 * The limit of open files that tsrun's caller has given it. Deno raises its own soft limit as far as it can
 * when it starts, so the soft limit is taken from the caller, and cut to the hard one, which may be another
 * than the caller's (`prlimit --nofile=64 tsrun …`, a unit of systemd).
 *
 * @returns Soft and hard limit.
 */
export function callersOpenFiles(k: LocalKernel): [Uint64, Uint64] {
  return k.scratch(() => {
    const limit = k.buffer(16);
    k.getrlimit(0, RLIMIT_NOFILE, limit);
    const hard = limit.word(8);
    const asked = k.call("prlimit64", [Deno.ppid, RLIMIT_NOFILE, null, limit], { allow: "any" });
    // For another user's process prlimit(2) needs CAP_SYS_RESOURCE, but any process may read the file.
    const soft = asked.wait() < 0 ? readOpenFiles() : limit.word(0);
    return [soft < hard ? soft : hard, hard];
  });
}

/** Reads the same soft limit from proc_pid_limits(5). */
function readOpenFiles(): Uint64 {
  const text = Deno.readTextFileSync(`/proc/${Deno.ppid}/limits`);
  const word = /^Max open files +(\S+)/m.exec(text)?.[1];
  return word === "unlimited" || word === undefined ? UINT64_MAX : exactInteger(BigInt(word));
}
