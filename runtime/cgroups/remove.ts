/**
 * Removing and listing of cgroup directories; the same in every driver.
 * @module
 */
import { EBUSY, ENOENT } from "../../ffi/errno.ts";
import { CgroupFileError, type CgroupFs, isGone } from "./fs.ts";

/** A killed task leaves its cgroup a moment after the signal: ten waits of 1, 2, 4 … 512 ms. */
const RETRIES = 10;

/**
 * Removes a cgroup and all below it, waiting out processes that are about to vanish. What is gone already is fine.
 *
 * @throws {CgroupFileError} when it is still in use after about a second, or cannot be removed at all.
 */
export function removeTree(fs: CgroupFs, dir: string): void {
  if (fs.rmdir(dir) === 0) return;
  for (const name of fs.list(dir)) removeTree(fs, `${dir}/${name}`);
  let errno = fs.rmdir(dir);
  for (let attempt = 0; errno === EBUSY && attempt < RETRIES; attempt++) {
    fs.pause(2 ** attempt);
    errno = fs.rmdir(dir);
  }
  if (errno === 0 || errno === ENOENT) return;
  // A read-only mount answers EROFS even where there is nothing to remove.
  if (!fs.exists(dir, "cgroup.procs")) return;
  throw new CgroupFileError("rmdir", dir, errno);
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
    if (error instanceof CgroupFileError && isGone(error.errno)) return;
    throw error;
  }
  for (const line of text.split("\n")) if (line !== "") pids.add(Number(line));
  for (const name of fs.list(dir)) collect(fs, `${dir}/${name}`, pids);
}
