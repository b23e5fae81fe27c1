/**
 * Removes and lists cgroup directories, in the same way for every driver.
 * @module
 */
import { EBUSY, ENOENT, ENOTEMPTY, EOPNOTSUPP } from "../../ffi/errno.ts";
import { CgroupFileError, type CgroupFs, isGone } from "./fs.ts";

/**
 * A killed task leaves its cgroups a moment after the signal. There are ten waits of 1, 2, 4 … 512 ms, for
 * all cgroups together.
 */
const RETRIES = 10;

/**
 * Removes cgroups and everything below them. It waits for processes that are about to end. A missing cgroup
 * is no error.
 *
 * @throws {CgroupFileError} for the first that is still in use after about a second, or cannot be removed.
 * The others are removed nevertheless.
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

/** Whether processes or children are still there. Kernels answer with one errno or the other. */
function isInUse([, errno]: [string, number]): boolean {
  return errno === EBUSY || errno === ENOTEMPTY;
}

/** Tries to remove each. Returns the remaining ones, with the errno. */
function tryAll(fs: CgroupFs, dirs: readonly string[]): [dir: string, errno: number][] {
  const failures: [string, number][] = [];
  for (const dir of dirs) {
    const errno = removeTree(fs, dir);
    if (errno !== 0) failures.push([dir, errno]);
  }
  return failures;
}

/** Tries once, children first where there are any. Returns 0 or the errno. */
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
  // A threaded cgroup of v2 lists threads only.
  if (!collect(fs, dir, pids, (one) => fs.read(one, "cgroup.procs"))) {
    collect(fs, dir, pids, (one) => processesOf(fs, fs.read(one, "cgroup.threads")));
  }
  return [...pids].sort((a, b) => a - b);
}

/**
 * @param list Pids in one cgroup, a line each.
 * @returns False when the first cgroup does not list processes. A threaded one below is not listed: its
 * domain lists all.
 */
function collect(fs: CgroupFs, dir: string, pids: Set<number>, list: (dir: string) => string): boolean {
  let text: string;
  try {
    text = list(dir);
  } catch (error) {
    if (!(error instanceof CgroupFileError)) throw error;
    if (isGone(error.errno)) return true;
    if (error.errno === EOPNOTSUPP) return false;
    throw error;
  }
  for (const line of text.split("\n")) if (line !== "") pids.add(Number(line));
  for (const name of fs.list(dir)) collect(fs, `${dir}/${name}`, pids, list);
  return true;
}

/** The processes of threads, one line each. */
function processesOf(fs: CgroupFs, threads: string): string {
  return threads.split("\n").filter((thread) => thread !== "").map((thread) => {
    try {
      return /^Tgid:\s*(\d+)$/m.exec(fs.read(`/proc/${thread}`, "status"))?.[1] ?? "";
    } catch (error) {
      // The process has ended.
      if (error instanceof CgroupFileError) return "";
      throw error;
    }
  }).join("\n");
}
