/**
 * The v1 freezer: kernel document admin-guide/cgroup-v1/freezer-subsystem.rst.
 * @module
 */
import { RuntimeError } from "../../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs, isGone } from "../fs.ts";

const STATE = "freezer.state", SELF = "freezer.self_freezing", PARENT = "freezer.parent_freezing";

/** Milliseconds of pauses before it gives up. */
const LONGEST_WAIT = 10_000;
/** This many tries come without a pause: a container of a few tasks freezes at the first or second. */
const EAGER_TRIES = 20;
/** This many further tries come every millisecond, the others every ten. */
const QUICK_TRIES = 100;
/** Milliseconds before the first thaw. Each next thaw comes after twice the time. */
const FIRST_THAW = 50;

/**
 * Freezes a cgroup and waits until the kernel reports it frozen. On failure it is thawed again.
 *
 * The kernel may stay in FREEZING, and then has to be asked again. A task stops when it next runs, which
 * takes long where many share little CPU time. A task that waits for a stopped task stops only after a thaw.
 * So there are thaws, with growing intervals.
 *
 * @param longest Milliseconds before it gives up.
 * @throws {RuntimeError} `unable to freeze` after that time.
 */
export function freeze(fs: CgroupFs, dir: string, longest: number = LONGEST_WAIT): void {
  let waited = 0;
  const wait = (milliseconds: number) => {
    fs.pause(milliseconds);
    waited += milliseconds;
  };
  try {
    let nextThaw = FIRST_THAW;
    for (let attempt = 0; waited < longest; attempt++) {
      if (waited >= nextThaw) {
        fs.write(dir, STATE, "THAWED");
        wait(10);
        nextThaw = 2 * waited;
      }
      fs.write(dir, STATE, "FROZEN");
      if (attempt >= EAGER_TRIES) wait(attempt < EAGER_TRIES + QUICK_TRIES ? 1 : 10);
      const state = fs.read(dir, STATE).trim();
      if (state === "FROZEN") return;
      if (state !== "FREEZING") {
        throw new RuntimeError("ETIMEDOUT_FREEZER", `unexpected state ${state} while freezing`);
      }
    }
    throw new RuntimeError("ETIMEDOUT_FREEZER", "unable to freeze");
  } catch (error) {
    thawAfterFailure(fs, dir);
    throw error;
  }
}

/** Thaws a cgroup. */
export function thaw(fs: CgroupFs, dir: string): void {
  fs.write(dir, STATE, "THAWED");
}

/**
 * Whether a cgroup itself, and not a parent, is set to freeze, even if tasks still run. False when it is
 * missing or has no such file (the root).
 */
export function isFrozen(fs: CgroupFs, dir: string): boolean {
  return says(fs, dir, SELF);
}

/** Whether a file holds 1; false when it is missing. */
function says(fs: CgroupFs, dir: string, file: string): boolean {
  try {
    return fs.read(dir, file).trim() === "1";
  } catch (error) {
    if (error instanceof CgroupFileError && isGone(error.errno)) return false;
    throw error;
  }
}

/** Whether a cgroup above is set to freeze: processes that enter then neither run nor can be killed. */
export function isFrozenAbove(fs: CgroupFs, dir: string): boolean {
  // Reads the file without asking for it first: a create reads other files anyway, and the first question
  // costs 0.3 ms.
  return says(fs, dir, PARENT);
}

/** Thaws a cgroup and those below it, each of which may be frozen by itself. Missing ones are no error. */
export function thawTree(fs: CgroupFs, dir: string): void {
  try {
    if (isFrozen(fs, dir)) thaw(fs, dir);
  } catch (error) {
    if (!(error instanceof CgroupFileError && isGone(error.errno))) throw error;
  }
  for (const name of fs.list(dir)) thawTree(fs, `${dir}/${name}`);
}

/**
 * Thaws after a failure, because a half-frozen cgroup must not stay behind. A failure of that is not
 * reported.
 */
function thawAfterFailure(fs: CgroupFs, dir: string): void {
  try {
    thaw(fs, dir);
  } catch (error) {
    if (!(error instanceof CgroupFileError)) throw error;
  }
}
