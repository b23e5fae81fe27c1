/**
 * The prepared `kill`: container/kill.ts as records, for a signal to the init alone.
 * @module
 */

import { AT_FDCWD, O_CLOEXEC, O_WRONLY, SIGKILL } from "../../ffi/constants.ts";
import type { PreparedKernel } from "../../ffi/prepared_kernel.ts";
import { Label } from "../../ffi/recorder.ts";
import { STATX_LINKS_OFFSET, STATX_SIZE } from "../../ffi/structs.ts";
import { beginsWith, done, fifoIsThere, isNotPaused, lookAtInit, nameIsInits } from "./common.ts";

/** Links of a directory without directories in it, as a word of 32 bits. */
const NO_DIRECTORIES = Uint8Array.of(2, 0, 0, 0);

/** Records the command. */
export function recordPreparedKill(k: PreparedKernel): void {
  const own = new Label(), started = new Label(), send = new Label(), over = new Label();
  const pidfd = lookAtInit(k);
  k.branch(k.word("pidNamespace"), { onPositive: own });
  // Without a PID namespace SIGKILL is for all processes of the cgroup.
  isSigkill(k, send);
  k.stop();
  k.place(own);
  nameIsInits(k, { onDifferent: started });
  fifoIsThere(k, started);
  // An init that waits for `start` ignores signals that would end a program.
  isSigkill(k);
  k.place(started);
  isSigkill(k, send);
  holdsNoKilled(k);
  k.place(send);
  k.call("pidfd_send_signal", [pidfd, k.slot("signal"), 0, 0]);
  isSigkill(k, over);
  thaw(k, over);
  k.place(over);
  done(k);
}

/** Goes on if the signal is SIGKILL. @param other Where to go on if it is another; absent: to the engine. */
function isSigkill(k: PreparedKernel, other?: Label): void {
  k.compareNumber(k.slotWord("signal"), SIGKILL, other);
}

/** Goes on if SIGKILL ends the processes at once: nothing is frozen, also below. */
function holdsNoKilled(k: PreparedKernel): void {
  const nested = new Label(), over = new Label(), stat = k.buffer(STATX_SIZE);
  isNotPaused(k);
  k.branch(k.text("freezer"), { onPositive: nested });
  k.jump(over);
  k.place(nested);
  k.call("statx", [AT_FDCWD, k.text("freezer"), 0, 0, stat]);
  k.compare(stat.slice(STATX_LINKS_OFFSET, 4), NO_DIRECTORIES, 4);
  k.place(over);
}

/** Thaws a container that was paused while it was killed. */
function thaw(k: PreparedKernel, over: Label): void {
  const asked = new Label(), paused = new Label();
  k.branch(k.text("frozenFile"), { onPositive: asked });
  k.jump(over);
  k.place(asked);
  beginsWith(k, k.text("frozenFile"), "0", { onDifferent: paused, onError: over });
  k.jump(over);
  k.place(paused);
  const file = k.call("openat", [AT_FDCWD, k.text("thawFile"), O_WRONLY | O_CLOEXEC, 0], { onError: over });
  k.call("write", [file, k.text("thawed"), k.length("thawed")], { allow: "any" });
}
