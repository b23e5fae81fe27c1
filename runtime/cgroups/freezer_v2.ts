/**
 * The v2 freezer: kernel document admin-guide/cgroup-v2.rst, `cgroup.freeze` and `cgroup.events`.
 * @module
 */
import { RuntimeError } from "../errors.ts";
import { CgroupFileError, type CgroupFs, isGone } from "./fs.ts";

/** Looks at cgroup.events before giving up, and the milliseconds between them after the first few. */
const TRIES = 1000, EAGER_TRIES = 20, PAUSE = 10;

/**
 * Freezes a cgroup with all below it and waits until the kernel says so; on failure it is thawed again.
 *
 * @throws {RuntimeError} `unable to freeze` after a bounded wait of ten seconds.
 */
export function freeze(fs: CgroupFs, dir: string): void {
  fs.write(dir, "cgroup.freeze", "1");
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt > 0) fs.pause(attempt < EAGER_TRIES ? 1 : PAUSE);
    if (/^frozen 1$/m.test(fs.read(dir, "cgroup.events"))) return;
  }
  thaw(fs, dir);
  throw new RuntimeError("unable to freeze");
}

/** Thaws a cgroup. A process that was killed meanwhile ends even without: v2's frozen state is killable. */
export function thaw(fs: CgroupFs, dir: string): void {
  fs.write(dir, "cgroup.freeze", "0");
}

/** Whether a cgroup was told to freeze, itself and not a parent; false when it is gone or is the root. */
export function isFrozen(fs: CgroupFs, dir: string): boolean {
  try {
    return fs.read(dir, "cgroup.freeze").trim() === "1";
  } catch (error) {
    if (error instanceof CgroupFileError && isGone(error.errno)) return false;
    throw error;
  }
}
