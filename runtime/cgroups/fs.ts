/**
 * All access of the cgroup drivers to the cgroup file systems.
 *
 * The drivers are written against {@linkcode CgroupFs}; {@linkcode ./host_fs.ts} is the real one, and unit
 * tests use a tree in memory.
 * @module
 */
import { ENODEV, ENOENT, ENOTDIR, strerror } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";

/** Directories and control files of the cgroup hierarchies; directories are absolute paths. */
export interface CgroupFs {
  /**
   * Makes one directory. Returns 0 or the errno: an existing directory and a missing parent are usual
   * answers.
   */
  mkdir(dir: string): number;
  /** Removes one directory. Returns 0 or the errno: EBUSY is a usual answer. */
  rmdir(dir: string): number;
  /**
   * Writes each value by a write(2) of its own, all through one open file.
   * @throws {CgroupFileError} at the first value that the kernel refuses.
   */
  write(dir: string, file: string, value: string | readonly string[]): void;
  /** The whole text of a file. @throws {CgroupFileError} */
  read(dir: string, file: string): string;
  /** Whether a control file exists. */
  exists(dir: string, file: string): boolean;
  /** Names of the sub-directories, in any order; none when the directory is gone. */
  list(dir: string): string[];
  /** Waits. */
  pause(milliseconds: number): void;
}

/** A failed operation on a control file or directory: its path, the value, and the kernel's reason. */
export class CgroupFileError extends RuntimeError {
  override name = "CgroupFileError";

  /**
   * @param operation The system call: `open`, `write`, `read`, `mkdir`, `rmdir`.
   * @param path The file or directory.
   * @param errno Positive error number.
   * @param value The value that was to be written.
   */
  constructor(
    override readonly operation: string,
    readonly path: string,
    readonly errno: number,
    readonly value?: string,
  ) {
    const what = value === undefined ? "" : `failed to write ${JSON.stringify(value)}: `;
    super("EIO_CGROUP", `${what}${operation} ${path}: ${strerror(errno)}`);
  }
}

/** Runs a step. Returns 0, or the errno of a failed file operation; other errors are thrown on. */
export function errnoOfStep(step: () => void): number {
  try {
    step();
    return 0;
  } catch (error) {
    if (error instanceof CgroupFileError) return error.errno;
    throw error;
  }
}

/**
 * Checks whether processes may be put into a cgroup, by opening its file for that. Nothing is written.
 * Returns 0 or the errno. An existing cgroup that the runtime may not write to belongs to another program.
 */
export function errnoOfEntry(fs: CgroupFs, dir: string): number {
  return errnoOfStep(() => fs.write(dir, "cgroup.procs", ""));
}

/** The error for a container that could not run in its cgroup. */
export function frozenAbove(dir: string): RuntimeError {
  return new RuntimeError("EBUSY_CGROUP", `cannot start a process in ${dir}: a cgroup above it is frozen`);
}

/** Whether an errno means that a cgroup is missing. ENODEV: it was removed while its file was open. */
export function isGone(errno: number): boolean {
  return errno === ENOENT || errno === ENODEV || errno === ENOTDIR;
}
