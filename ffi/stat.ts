/**
 * stat(2) of this process's own files, by the kernel's call. The first `Deno.statSync` takes 0.4 ms and the
 * first `FsFile.statSync` 0.2 ms more, for dates and time zones that nothing here uses.
 * @module
 */
import { AT_EMPTY_PATH, AT_FDCWD } from "./constants.ts";
import { EACCES, EBADF, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR } from "./errno.ts";
import type { LocalKernel } from "./local.ts";
import { decodeStatx, type Stat, STATX_SIZE } from "./structs.ts";

/** The errors for a path that does not exist, or that this process may not look at. */
const NOTHING: readonly number[] = [ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, EBADF];

/**
 * The file that a path leads to, links followed; undefined where there is none that can be seen.
 *
 * @throws {OperationError} When the host cannot tell.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { local } from "./local.ts";
 * assertEquals(stat(local(), "/nowhere/at/all"), undefined);
 * ```
 */
export function stat(k: LocalKernel, path: string): Stat | undefined {
  return ask(k, AT_FDCWD, path);
}

/** The file that a descriptor is open on; undefined where it is not open. */
export function fstat(k: LocalKernel, fd: number): Stat | undefined {
  return ask(k, fd, "");
}

/** Sets the times of a file to now, where that is possible: utimensat(2). */
export function touch(k: LocalKernel, path: string): void {
  k.call("utimensat", [AT_FDCWD, path, null, 0], { allow: "any" });
}

function ask(k: LocalKernel, fd: number, path: string): Stat | undefined {
  return k.scratch(() => {
    const buffer = k.buffer(STATX_SIZE);
    const asked = k.statx(fd, path, buffer, { allow: NOTHING }, path === "" ? AT_EMPTY_PATH : 0);
    return asked.wait() < 0 ? undefined : decodeStatx(buffer);
  });
}
