/**
 * One command at a time on one container: an flock(2) on its state directory.
 *
 * The kernel drops the lock with the process, so a killed tsrun leaves none behind. A command that holds the
 * lock of a container without a pid therefore knows that the container's creator is dead. `create` holds it
 * from making the directory to its end, `start` and `delete` while they work. `state`, `list`, `ps`, `kill`,
 * `pause` and `resume` do not take it: hooks call them during a create or start. `update` locks the saved
 * config instead.
 * @module
 */
import { Descriptor } from "../../ffi/descriptor.ts";
import { tryLock } from "../../ffi/io.ts";
import { AT_FDCWD, AT_REMOVEDIR, O_NONBLOCK, O_RDONLY } from "../../ffi/constants.ts";
import { ENOENT } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { fstat, stat } from "../../ffi/stat.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { sleepSync } from "../host/sleep.ts";
import { containerDir, validateId } from "./id.ts";
import { MissingContainerError } from "./record.ts";
import { alreadyExists, checkRoot, createStateDir, DIRECTORY_MODE } from "./state_dir.ts";

/** How long a command waits for another one, in milliseconds. */
const LOCK_TIMEOUT = 10_000;

/**
 * Locks a container until the result is disposed of.
 *
 * @param root State root, absolute.
 * @param id Container id.
 * @param timeout Longest wait in milliseconds.
 * @param file Name of a file in the state directory, to lock it instead of the whole container.
 * @throws {RuntimeError} `container does not exist`; or another command held the lock for the whole time.
 * @example
 * ```ts
 * import type { LocalKernel } from "../../ffi/local.ts";
 * import { lockContainer } from "./lock.ts";
 * export function work(k: LocalKernel, root: string, id: string): void {
 *   using _lock = lockContainer(k, root, id);
 * }
 * ```
 */
export function lockContainer(
  k: LocalKernel,
  root: string,
  id: string,
  timeout: number = LOCK_TIMEOUT,
  file: string = "",
): Disposable {
  validateId(id);
  checkRoot(root, k);
  return lockPath(k, containerDir(root, id) + (file && `/${file}`), id, timeout);
}

/** Locks the file that a path leads to. @returns The descriptor that holds the lock. */
function lockPath(k: LocalKernel, path: string, id: string, timeout: number): Descriptor {
  const deadline = performance.now() + timeout;
  for (;;) {
    using locked = new Descriptor(k, open(k, path));
    waitForLock(k, locked.fd, id, deadline, timeout);
    // While we waited it may have been removed, and even made again for a new container.
    if (isStillAt(k, locked.fd, path)) return new Descriptor(k, locked.release());
  }
}

/**
 * Makes the directory of a new container and locks it. Before it is locked, another command can remove the
 * directory and make one of the same name. The container then belongs to the command that first holds the
 * lock of a directory without a record. All other commands are told that the container exists.
 *
 * @throws {RuntimeError} `container with given ID already exists`, or why the directory cannot be made or
 * locked. The directory is removed then.
 */
export function claimContainer(k: LocalKernel, root: string, id: string): Disposable {
  const path = containerDir(root, id);
  for (;;) {
    createStateDir(root, id, k);
    try {
      using locked = lockPath(k, path, id, LOCK_TIMEOUT);
      if (stat(k, `${path}/state.json`) !== undefined) throw alreadyExists();
      // The mode must not depend on the caller's umask.
      k.fchmod(locked, DIRECTORY_MODE);
      return new Descriptor(k, locked.release());
    } catch (error) {
      // The directory was removed before it was locked.
      if (error instanceof MissingContainerError) continue;
      // Removes the directory only if it is empty. Otherwise it holds the record of the command that was
      // first.
      k.unlinkat(AT_FDCWD, path, AT_REMOVEDIR, { allow: "any" });
      throw error;
    }
  }
}

function open(k: LocalKernel, path: string): number {
  // Not blocking: what has the name may be a pipe.
  const fd = k.open(path, O_RDONLY | O_NONBLOCK, 0, { allow: [ENOENT], doing: `lock ${path}` }).wait();
  if (fd < 0) throw new MissingContainerError();
  return fd;
}

function waitForLock(k: LocalKernel, locked: number, id: string, deadline: number, timeout: number): void {
  let pause = 0.25;
  while (!tryLock(k, locked)) {
    if (performance.now() > deadline) {
      throw new RuntimeError(
        "EBUSY_CONTAINER",
        `container "${id}" is busy: another command has worked on it for ${timeout / 1000} s`,
      );
    }
    sleepSync(pause);
    pause = Math.min(pause * 2, 20);
  }
}

function isStillAt(k: LocalKernel, locked: number, path: string): boolean {
  const there = stat(k, path), here = fstat(k, locked);
  return there !== undefined && here !== undefined && there.inode === here.inode &&
    there.dev.major === here.dev.major &&
    there.dev.minor === here.dev.minor;
}
