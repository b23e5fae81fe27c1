/**
 * Removing and listing of cgroup directories; the same in every driver.
 * @module
 */
import { EBUSY, ENOENT, ENOTEMPTY, EOPNOTSUPP } from "../../ffi/errno.ts";
import { CgroupFileError, type CgroupFs, isGone } from "./fs.ts";

/** A killed task leaves its cgroups a moment after the signal: ten waits of 1, 2, 4 … 512 ms for all of them together. */
const RETRIES = 10;

/**
 * Removes cgroups and all below them, waiting out processes that are about to vanish. What is gone already is fine.
 *
 * @throws {CgroupFileError} for the first that is still in use after about a second, or cannot be removed at all;
 * the others are removed nevertheless.
 */
export function removeTrees(fs: CgroupFs, dirs: readonly string[]): void {
  let failures = tryAll(fs, dirs);
  for (let attempt = 0; attempt < RETRIES && failures.some(isInUse); attempt++) {
    fs.pause(2 ** attempt);
    failures = tryAll(fs, failures.map(([dir]) => dir));
  }
  // A read-only mount answers EROFS even where there is nothing to remove.
  const failure = failures.find(([dir]) => fs.exists(dir, "cgroup.procs"));
  if (failure !== undefined) throw new CgroupFileError("rmdir", ...failure);
}

/** Processes or children are still there: kernels say one or the other. */
function isInUse([, errno]: [string, number]): boolean {
  return errno === EBUSY || errno === ENOTEMPTY;
}

/** Tries to remove each; gives those that are left, with the errno. */
function tryAll(fs: CgroupFs, dirs: readonly string[]): [dir: string, errno: number][] {
  const failures: [string, number][] = [];
  for (const dir of dirs) {
    const errno = removeTree(fs, dir);
    if (errno !== 0) failures.push([dir, errno]);
  }
  return failures;
}

/** One try, children first where there are any; 0 or the errno. */
function removeTree(fs: CgroupFs, dir: string): number {
  const errno = fs.rmdir(dir);
  if (errno === 0 || errno === ENOENT) return 0;
  const children = fs.list(dir);
  if (children.length === 0) return errno;
  for (const name of children) removeTree(fs, `${dir}/${name}`);
  const again = fs.rmdir(dir);
  return again === ENOENT ? 0 : again;
}

/** The processes in a cgroup and below it, each once, in ascending order; none where it is gone. */
export function processesBelow(fs: CgroupFs, dir: string): number[] {
  const pids = new Set<number>();
  collect(fs, dir, pids);
  return [...pids].sort((a, b) => a - b);
}

function collect(fs: CgroupFs, dir: string, pids: Set<number>): void {
  let text: string;
  try {
    text = fs.read(dir, "cgroup.procs");
  } catch (error) {
    if (!(error instanceof CgroupFileError)) throw error;
    // In a threaded cgroup of v2 there are threads only: their processes are listed by the domain above.
    if (isGone(error.errno) || error.errno === EOPNOTSUPP) return;
    throw error;
  }
  for (const line of text.split("\n")) if (line !== "") pids.add(Number(line));
  for (const name of fs.list(dir)) collect(fs, `${dir}/${name}`, pids);
}
