/**
 * The v1 freezer: kernel document admin-guide/cgroup-v1/freezer-subsystem.rst.
 * @module
 */
import { RuntimeError } from "../errors.ts";
import { CgroupFileError, type CgroupFs, isGone } from "./fs.ts";

const STATE = "freezer.state";

/** Tries before giving up, and how they are spread: with the pauses below this is a wait of at most 1.5 seconds. */
const TRIES = 1000;
/** So many tries come without a pause: a container of a few tasks freezes at the first or second. */
const EAGER_TRIES = 20;
/** A thaw this often helps when tasks keep arriving by fork while others are frozen already. */
const THAW_EVERY = 50;

/**
 * Freezes a cgroup and waits until the kernel says so; on failure it is thawed again.
 *
 * The kernel may stay in FREEZING while new tasks appear, and then has to be asked again.
 *
 * @throws {RuntimeError} `unable to freeze` after a bounded wait.
 */
export function freeze(fs: CgroupFs, dir: string): void {
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      if (attempt % THAW_EVERY === THAW_EVERY - 1) {
        fs.write(dir, STATE, "THAWED");
        fs.pause(10);
      }
      fs.write(dir, STATE, "FROZEN");
      if (attempt >= EAGER_TRIES) fs.pause(1);
      const state = fs.read(dir, STATE).trim();
      if (state === "FROZEN") return;
      if (state !== "FREEZING") throw new RuntimeError(`unexpected state ${state} while freezing`);
    }
    throw new RuntimeError("unable to freeze");
  } catch (error) {
    thawAfterFailure(fs, dir);
    throw error;
  }
}

/** Thaws a cgroup. */
export function thaw(fs: CgroupFs, dir: string): void {
  fs.write(dir, STATE, "THAWED");
}

/** Whether a cgroup is frozen by itself, not by a parent; false when it is gone or has no freezer file (the root). */
export function isFrozen(fs: CgroupFs, dir: string): boolean {
  try {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const state = fs.read(dir, STATE).trim();
      if (state === "THAWED") return false;
      if (state === "FROZEN") return fs.read(dir, "freezer.self_freezing").trim() === "1";
      if (state !== "FREEZING") throw new RuntimeError(`unknown "freezer.state" ${JSON.stringify(state)}`);
      fs.pause(1);
    }
  } catch (error) {
    if (error instanceof CgroupFileError && isGone(error.errno)) return false;
    throw error;
  }
  throw new RuntimeError(`unable to get cgroup freezer state: ${dir} stays in FREEZING`);
}

/** A half frozen cgroup must not stay behind; that thawing fails too is not the failure to report. */
function thawAfterFailure(fs: CgroupFs, dir: string): void {
  try {
    thaw(fs, dir);
  } catch (error) {
    if (!(error instanceof CgroupFileError)) throw error;
  }
}
