/**
 * Records that a {@linkcode ./remote.ts RemoteKernel} does not keep one by one; see stencil.ts.
 * @module
 */

import type { Result } from "./call.ts";
import type { Buffer } from "./memory.ts";
import type { Op } from "./recorder.ts";
import type { RemoteResult } from "./remote_result.ts";

/** Takes records in the place of the kernel; see `RemoteKernel.tapped`. */
export interface Tap {
  record(op: Op): Result;
  /** Memory for a call to write its answer to. */
  buffer(size: number): Buffer;
}

/** Records that are not kept as such: copies of others, see stencil.ts. */
export interface Block {
  /** Address of the first record. Behind the last one there is room for one more, which begins at `end`. */
  readonly start: number;
  readonly end: number;
  /** The records around one, where that has failed. */
  resultsAt(address: number): RemoteResult[];
}
