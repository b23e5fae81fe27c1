/**
 * What a prepared `start` has left for the engine: init/prepared/start.ts.
 * @module
 */

import { AT_FDCWD, O_NOFOLLOW, O_RDONLY } from "../../ffi/constants.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { ENOENT } from "../../ffi/errno.ts";
import { readAt } from "../../ffi/io.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { START_REPORT_FILE } from "../../init/prepared/report_file.ts";

/** The most bytes of a report that are read. */
const MOST = 8192;

/** What was found behind exec.fifo. */
export interface StartFound {
  /** The init ended without opening it. */
  gone: boolean;
  /** What the init has reported; empty where the fifo came to its end without a report. */
  report: Uint8Array<ArrayBuffer>;
}

/**
 * Takes what a prepared start has left. The container's lock is held.
 *
 * @param directory The container's.
 * @returns Undefined where there is nothing: no program was started, or it runs.
 */
export function takeStartReport(k: LocalKernel, directory: string): StartFound | undefined {
  const path = `${directory}/${START_REPORT_FILE}`;
  const opened = k.open(path, O_RDONLY | O_NOFOLLOW, 0, { allow: [ENOENT] }).wait();
  if (opened < 0) return undefined;
  using file = new Descriptor(k, opened);
  const found = k.scratch(() => {
    const data = k.buffer(MOST), length = Math.max(0, readAt(k, file.fd, data.address, MOST));
    return { gone: length < 8 || data.u64(0) !== 0, report: data.bytes.slice(8, length) };
  });
  k.unlinkat(AT_FDCWD, path, 0, { allow: "any" });
  return found;
}
