/**
 * The lock between programs that change resctrl: an exclusive flock(2) on its root, as the kernel's
 * documentation asks (Documentation/filesystems/resctrl.rst, "Locking between applications").
 * @module
 */
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { sleepSync } from "../../host/sleep.ts";
import { openForReading } from "../../host/files.ts";

/** How long another program may hold it, in milliseconds. */
const LOCK_TIMEOUT = 10_000;

/**
 * Locks resctrl until the result is disposed of.
 *
 * @param mount Mount point of resctrl.
 * @param timeout Longest wait in milliseconds.
 * @throws {RuntimeError}
 */
export function lockResctrl(mount: string, timeout: number = LOCK_TIMEOUT): Disposable {
  const directory = open(mount);
  const deadline = performance.now() + timeout;
  for (let pause = 0.25; !directory.tryLockSync(true); pause = Math.min(pause * 2, 20)) {
    if (performance.now() > deadline) {
      directory.close();
      throw new RuntimeError(
        "EBUSY_RESCTRL",
        `${mount} is busy: another program has held its lock for ${timeout / 1000} s`,
      );
    }
    sleepSync(pause);
  }
  return { [Symbol.dispose]: () => directory.close() };
}

function open(mount: string): Deno.FsFile {
  try {
    return openForReading(mount);
  } catch (error) {
    throw new RuntimeError("EIO_RESCTRL", `open ${mount}: ${reasonOf(error)}`);
  }
}
