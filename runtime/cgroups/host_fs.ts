/**
 * The cgroup file systems of this machine.
 *
 * By Deno's own file operations, not by foreign calls. Measured in new processes, interleaved, on a busy
 * machine: 10 directories made and 16 values written take 2.3 ms (at best 1.2), by openat2(2) beneath
 * verified directories 6.3 ms (at best 2.9); and a command such as `state`, which needs no other foreign
 * call, would pay 3 ms more for binding libc. What openat2's resolve flags guard against is excluded
 * otherwise: cgroup file systems hold no symbolic links, the directories are cleaned paths below mount points
 * that the kernel lists as cgroup mounts, and names of files are checked here.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs, isGone } from "./fs.ts";

/** Never makes a file: a file that the kernel lacks has to be an error, on a file system of any type. */
const EXISTING = { create: false };

/** The real tree. */
export class HostCgroupFs implements CgroupFs {
  mkdir(dir: string): number {
    try {
      Deno.mkdirSync(dir, { mode: 0o755 });
      return 0;
    } catch (error) {
      return errnoIn(error);
    }
  }

  rmdir(dir: string): number {
    try {
      Deno.removeSync(dir);
      return 0;
    } catch (error) {
      return errnoIn(error);
    }
  }

  write(dir: string, file: string, value: string | readonly string[]): void {
    const path = pathOf(dir, file);
    for (const one of typeof value === "string" ? [value] : value) {
      try {
        // Opening the file each time costs less than the first use of Deno.openSync.
        Deno.writeTextFileSync(path, one, EXISTING);
      } catch (error) {
        throw new CgroupFileError("write", path, errnoIn(error), one);
      }
    }
  }

  read(dir: string, file: string): string {
    const path = pathOf(dir, file);
    try {
      return Deno.readTextFileSync(path);
    } catch (error) {
      throw new CgroupFileError("read", path, errnoIn(error));
    }
  }

  exists(dir: string, file: string): boolean {
    const path = pathOf(dir, file);
    try {
      Deno.lstatSync(path);
      return true;
    } catch {
      return false;
    }
  }

  list(dir: string): string[] {
    const names: string[] = [];
    try {
      for (const entry of Deno.readDirSync(dir)) if (entry.isDirectory) names.push(entry.name);
    } catch (error) {
      const errno = errnoIn(error);
      if (!isGone(errno)) throw new CgroupFileError("list", dir, errno);
    }
    return names;
  }

  pause(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  }
}

/** A control file's path. Its name may come from a config and must not lead elsewhere. */
function pathOf(dir: string, file: string): string {
  if (file.includes("/")) {
    throw new RuntimeError("EINVAL_UNIFIED", `${JSON.stringify(file)} must be a file name (no slashes)`);
  }
  return `${dir}/${file}`;
}

/**
 * The errno of a failed file operation. Deno gives rarer ones in the message only. Other errors are thrown
 * on.
 */
function errnoIn(error: unknown): number {
  const errno = Number(/\(os error (\d+)\)/.exec((error as Error).message)?.[1]);
  if (!(errno > 0)) throw error;
  return errno;
}
