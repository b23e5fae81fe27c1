/**
 * The prepared `delete`: container/destroy.ts as records, for a container whose init has ended, which has no
 * hooks for that, and whose cgroups are directories.
 *
 * It can stop at any point: each step of the engine's way accepts that it has been done before. The record
 * goes last, when nothing else is left in the directory.
 * @module
 */

import { AT_FDCWD, AT_REMOVEDIR } from "../../ffi/constants.ts";
import { EBUSY } from "../../ffi/errno.ts";
import { MOST_CGROUPS, PREPARED_FILE } from "../../ffi/prepared.ts";
import type { PreparedKernel } from "../../ffi/prepared_kernel.ts";
import { Label } from "../../ffi/recorder.ts";
import { done, lock, lookAtInit } from "./common.ts";

/** Milliseconds to wait for a process that is just leaving its cgroup, one after the other. */
const PAUSES: readonly number[] = [0.2, 1];

/** Files besides the record that may be in a container's directory, and those that are. */
const MAYBE: readonly string[] = ["exec.fifo", "resources.json", "start.report"];
const SURELY: readonly string[] = ["config.json", PREPARED_FILE];
const RECORD = "state.json";

/** Bytes that getdents64(2) gives for `.`, `..` and the record, where there is nothing else. */
const ONLY_THE_RECORD = 24 + 24 + 32;
/** Bytes for some names. */
const NAMES = 1024;

/** Records the command. */
export function recordPreparedDelete(k: PreparedKernel): void {
  const ended = new Label(), removed = new Label();
  lock(k);
  lookAtInit(k, { onGone: ended, onEnded: ended });
  k.stop();
  k.place(ended);
  for (let i = 0; i < MOST_CGROUPS; i++) {
    const there = new Label();
    k.branch(k.cgroup(i), { onPositive: there });
    k.jump(removed);
    k.place(there);
    removeCgroup(k, i, i === 0 ? PAUSES : []);
  }
  k.place(removed);
  const directory = k.slot("dirFd"), names = k.buffer(NAMES);
  for (const name of MAYBE) k.call("unlinkat", [directory, name, 0], { allow: "any" });
  for (const name of SURELY) k.call("unlinkat", [directory, name, 0]);
  const listed = k.call("getdents64", [directory, names, NAMES]);
  k.compareResult(listed, ONLY_THE_RECORD);
  k.call("unlinkat", [directory, RECORD, 0]);
  k.call("unlinkat", [k.slot("rootFd"), k.text("id"), AT_REMOVEDIR]);
  done(k);
}

/** Removes one cgroup, which succeeds only where it has no processes and no cgroups below. */
function removeCgroup(k: PreparedKernel, index: number, pauses: readonly number[]): void {
  const removed = new Label();
  for (const pause of pauses) {
    const busy = new Label();
    const tried = k.call("unlinkat", [AT_FDCWD, k.cgroup(index), AT_REMOVEDIR], { onError: busy });
    k.jump(removed);
    k.place(busy);
    k.compareResult(tried, -EBUSY);
    k.call("ppoll", [0, 0, [0, pause * 1_000_000], 0, 8]);
  }
  k.call("unlinkat", [AT_FDCWD, k.cgroup(index), AT_REMOVEDIR]);
  k.place(removed);
}
