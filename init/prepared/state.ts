/**
 * The prepared `state`: of the documents for each status that a container can have one is written. A
 * container that is paused is the engine's matter.
 * @module
 */

import { SIG_IGN, SIGPIPE } from "../../ffi/constants.ts";
import { AddressOf } from "../../ffi/kernel.ts";
import type { TextName } from "../../ffi/prepared.ts";
import type { PreparedKernel } from "../../ffi/prepared_kernel.ts";
import { Label } from "../../ffi/recorder.ts";
import { done, fifoIsThere, isNotPaused, lookAtInit, nameIsInits } from "./common.ts";

const STANDARD_OUTPUT = 1;

/** Records the command. */
export function recordPreparedState(k: PreparedKernel): void {
  const gone = new Label(), running = new Label();
  // Where nobody reads, the engine says so.
  k.call("rt_sigaction", [SIGPIPE, [SIG_IGN, 0, 0, 0], 0, 8]);
  lookAtInit(k, { onGone: gone });
  isNotPaused(k);
  nameIsInits(k, { onDifferent: running });
  fifoIsThere(k, running);
  print(k, "created");
  k.place(running);
  print(k, "running");
  k.place(gone);
  print(k, "stopped");
}

/** Writes a document and ends. Where not all of it can be written, the engine will find that, too. */
function print(k: PreparedKernel, document: TextName): void {
  const written = k.call("write", [STANDARD_OUTPUT, k.text(document), k.length(document)]);
  k.compare(new AddressOf(written), k.lengthAddress(document), 8);
  done(k);
}
