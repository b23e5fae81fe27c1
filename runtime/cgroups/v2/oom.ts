/**
 * Notifications of cgroup v2: kernel document admin-guide/cgroup-v2.rst, `memory.events` and `cgroup.events`.
 * inotify(7) reports their changes.
 * @module
 */

import { drainWatch, watchFiles } from "../../../ffi/watches.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs, isGone } from "../fs.ts";
import type { OomWatch } from "../types.ts";

/**
 * Listens for processes that are killed for lack of memory, and for the end of the last process.
 *
 * @param dir The cgroup's directory.
 * @throws {RuntimeError} also where the memory controller is not enabled.
 */
export function watchOom(k: LocalKernel, fs: CgroupFs, dir: string): OomWatch {
  let seen = kills(fs, dir);
  if (seen === undefined) {
    throw new RuntimeError("ENOENT_OOM_EVENTS", `cannot watch for OOM events: no ${dir}/memory.events`);
  }
  try {
    const descriptor = watchFiles(k, [`${dir}/memory.events`, `${dir}/cgroup.events`]);
    return {
      descriptor,
      take: () => {
        // The notification does not say what has changed, so the files are read.
        drainWatch(k, descriptor);
        const now = kills(fs, dir);
        if (now === undefined) return { count: 0, ended: true };
        const count = now - seen!;
        seen = now;
        return { count, ended: !isPopulated(fs, dir) };
      },
      [Symbol.dispose]: () => void k.close(descriptor),
    };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw new RuntimeError("ENOENT_OOM_EVENTS", `watch ${dir}/memory.events: ${error.message}`);
  }
}

/** The number of killed processes; undefined when the cgroup is gone. */
function kills(fs: CgroupFs, dir: string): number | undefined {
  const text = readEvents(fs, dir, "memory.events");
  return text === undefined ? undefined : Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

function isPopulated(fs: CgroupFs, dir: string): boolean {
  return /^populated 1$/m.test(readEvents(fs, dir, "cgroup.events") ?? "");
}

function readEvents(fs: CgroupFs, dir: string, file: string): string | undefined {
  try {
    return fs.read(dir, file);
  } catch (error) {
    if (error instanceof CgroupFileError && isGone(error.errno)) return undefined;
    throw error;
  }
}
