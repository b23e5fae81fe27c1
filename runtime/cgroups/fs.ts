/**
 * The only way in which the cgroup drivers touch the cgroup file systems.
 *
 * The drivers are written against {@linkcode CgroupFs}; {@linkcode ./host_fs.ts} is the real one, and unit tests use
 * a tree in memory.
 * @module
 */
import { ENODEV, ENOENT, ENOTDIR, strerror } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";

/** Directories and control files of the cgroup hierarchies; directories are absolute paths. */
export interface CgroupFs {
  /** Makes one directory. 0, or the errno: that it exists and that its parent is missing are everyday answers. */
  mkdir(dir: string): number;
  /** Removes one directory. 0, or the errno: EBUSY is an everyday answer. */
  rmdir(dir: string): number;
  /**
   * Writes each value by a write(2) of its own, all through one open file.
   * @throws {CgroupFileError} at the first value that the kernel refuses.
   */
  write(dir: string, file: string, value: string | readonly string[]): void;
  /** The whole text of a file. @throws {CgroupFileError} */
  read(dir: string, file: string): string;
  /** Whether a control file is there. */
  exists(dir: string, file: string): boolean;
  /** Names of the sub-directories, in no order; none when the directory is gone. */
  list(dir: string): string[];
  /** Waits. */
  pause(milliseconds: number): void;
}

/** A control file or directory that the kernel did not let us use: names it, the value, and the kernel's reason. */
export class CgroupFileError extends RuntimeError {
  override name = "CgroupFileError";

  /**
   * @param operation The system call: `open`, `write`, `read`, `mkdir`, `rmdir`.
   * @param path The file or directory.
   * @param errno Positive error number.
   * @param value What was to be written.
   */
  constructor(
    override readonly operation: string,
    readonly path: string,
    readonly errno: number,
    readonly value?: string,
  ) {
    const what = value === undefined ? "" : `failed to write ${JSON.stringify(value)}: `;
    super(`${what}${operation} ${path}: ${strerror(errno)}`);
  }
}

/** Runs a step and answers 0, or the errno with which a file operation of it failed; other errors pass through. */
export function errnoOfStep(step: () => void): number {
  try {
    step();
    return 0;
  } catch (error) {
    if (error instanceof CgroupFileError) return error.errno;
    throw error;
  }
}

/** The failure to make a container where it could not run. */
export function frozenAbove(dir: string): RuntimeError {
  return new RuntimeError(`cannot start a process in ${dir}: a cgroup above it is frozen`);
}

/** Whether an errno says that a cgroup is not there (any more). ENODEV: it went away while its file was open. */
export function isGone(errno: number): boolean {
  return errno === ENOENT || errno === ENODEV || errno === ENOTDIR;
}
