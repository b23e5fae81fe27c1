/**
 * The v2 freezer: kernel document admin-guide/cgroup-v2.rst, `cgroup.freeze` and `cgroup.events`.
 * @module
 */
import { RuntimeError } from "../../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs, isGone } from "../fs.ts";

/**
 * Milliseconds of pauses before it gives up; this many looks come every millisecond, the others every ten.
 */
const LONGEST_WAIT = 10_000, QUICK_TRIES = 20;

/**
 * Freezes a cgroup with everything below it and waits until the kernel reports it frozen. On failure it is
 * thawed again.
 *
 * @param longest Milliseconds before it gives up.
 * @throws {RuntimeError} `unable to freeze` after that time.
 */
export function freeze(fs: CgroupFs, dir: string, longest: number = LONGEST_WAIT): void {
  fs.write(dir, "cgroup.freeze", "1");
  for (let attempt = 0, waited = 0; waited < longest; attempt++) {
    if (/^frozen 1$/m.test(fs.read(dir, "cgroup.events"))) return;
    const pause = attempt < QUICK_TRIES ? 1 : 10;
    fs.pause(pause);
    waited += pause;
  }
  thaw(fs, dir);
  throw new RuntimeError("ETIMEDOUT_FREEZER", "unable to freeze");
}

/**
 * Thaws a cgroup. A process that was killed meanwhile ends even without this: v2's frozen state is killable.
 */
export function thaw(fs: CgroupFs, dir: string): void {
  fs.write(dir, "cgroup.freeze", "0");
}

/** Whether a cgroup above is set to freeze, where this one is not: processes that enter then do not run. */
export function isFrozenAbove(fs: CgroupFs, dir: string): boolean {
  return fs.exists(dir, "cgroup.events") && /^frozen 1$/m.test(fs.read(dir, "cgroup.events"));
}

/** Whether a cgroup itself, and not a parent, is set to freeze; false when it is missing or is the root. */
export function isFrozen(fs: CgroupFs, dir: string): boolean {
  try {
    return fs.read(dir, "cgroup.freeze").trim() === "1";
  } catch (error) {
    if (error instanceof CgroupFileError && isGone(error.errno)) return false;
    throw error;
  }
}
