/**
 * What all prepared commands (ffi/prepared.ts) have in common: they make sure that the line, the host and the
 * container's process are those that the container's file was written for.
 *
 * A record that fails without naming another one takes the command to the engine.
 * @module
 */

import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  LOCK_NB,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_RDONLY,
  O_WRONLY,
  POLLIN,
  S_IFREG,
  STATX_BASIC_STATS,
} from "../../ffi/constants.ts";
import { ENOENT, ESRCH } from "../../ffi/errno.ts";
import type { Arg, Result } from "../../ffi/kernel.ts";
import type { Buffer } from "../../ffi/memory.ts";
import type { PreparedKernel } from "../../ffi/prepared_kernel.ts";
import { Label } from "../../ffi/recorder.ts";
import { STATX_INODE_OFFSET, STATX_MODE_OFFSET, STATX_SIZE, STATX_SIZE_OFFSET } from "../../ffi/structs.ts";
import { INIT_NAME } from "../init_name.ts";

/** The text of /proc/self/uid_map in the host's user namespace: user_namespaces(7). */
const ALL_IDS = "         0          0 4294967295\n";
/** Bytes of a boot id: 36 characters and a newline. */
const BOOT_ID_SIZE = 37;
const SLASH = 47;
/** Offset of the wanted events in `struct pollfd`. */
export const POLL_EVENTS = 4;

/** Where a look at a file leads. */
export interface Answers {
  /** If it begins otherwise. */
  onDifferent?: Label;
  /** If it cannot be read. */
  onError?: Label;
}

/** Goes on if a file begins with these bytes. */
function readIs(k: PreparedKernel, path: Arg, bytes: Arg, size: number, answers: Answers = {}): void {
  const { onDifferent, onError } = answers, content = k.buffer(size);
  const file = k.call("openat", [AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0], { onError });
  k.call("read", [file, content, size], { onError });
  k.compare(content, bytes, size, onDifferent);
}

/** Goes on if a file begins with a text. */
export function beginsWith(k: PreparedKernel, path: Arg, text: string, answers?: Answers): void {
  const bytes = new TextEncoder().encode(text);
  readIs(k, path, bytes, bytes.length, answers);
}

/** Goes on if the line means this container on this host, and opens its log. */
export function recordGreeting(k: PreparedKernel): void {
  const elsewhere = new Label(), rooted = new Label(), log = new Label(), logged = new Label();
  const root = new Label(), on = new Label();
  k.compareText(k.slot("root"), "root");
  k.compareText(k.slot("id"), "id");
  k.branch(k.slot("runtimeDir"), { onPositive: elsewhere });
  k.place(rooted);
  const record = isAsMade(k, "state.json", S_IFREG | 0o600);
  // A command that has changed the record knows more than what was prepared.
  k.compareWord(record.slice(STATX_SIZE_OFFSET, 8), "recordSize");
  k.branch(k.slot("log"), { onPositive: log });
  k.place(logged);
  readIs(k, "/proc/sys/kernel/random/boot_id", k.text("bootId"), BOOT_ID_SIZE);
  k.jump(on);
  // The usual root is root's in any case; of another user, and in a user namespace, it depends.
  k.place(elsewhere);
  k.branch(k.word("callerIsRoot"), { onPositive: root });
  k.stop();
  k.place(root);
  beginsWith(k, "/proc/self/uid_map", ALL_IDS);
  k.jump(rooted);
  k.place(log);
  // It may be no file.
  k.compare(k.slot("log"), Uint8Array.of(SLASH), 1);
  k.call("openat", [AT_FDCWD, k.slot("log"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o644]);
  k.jump(logged);
  k.place(on);
}

/**
 * Goes on if a file of the container is what it was made as.
 *
 * @param mode Type and permissions.
 * @returns What statx(2) says of it.
 */
export function isAsMade(k: PreparedKernel, name: string, mode: number): Buffer {
  const stat = k.buffer(STATX_SIZE);
  k.call("statx", [k.slot("dirFd"), name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, stat]);
  k.compare(stat.slice(STATX_MODE_OFFSET, 2), Uint8Array.of(mode & 0xff, mode >> 8), 2);
  return stat;
}

/** Where a look at the init leads; absent: to the engine. */
export interface Ends {
  /** If there is no process with its pid, or another one. */
  onGone?: Label;
  /** If it has ended. */
  onEnded?: Label;
}

/** Goes on if the init is alive. @returns Its pidfd. */
export function lookAtInit(k: PreparedKernel, { onGone, onEnded }: Ends = {}): Result {
  const missing = new Label(), alive = new Label(), over = new Label();
  const pidfd = k.call("pidfd_open", [k.word("pid"), 0], { onError: missing });
  const stat = k.buffer(STATX_SIZE), poll = k.buffer(8);
  k.statx(pidfd, "", stat, undefined, AT_EMPTY_PATH);
  k.compareWord(stat.slice(STATX_INODE_OFFSET, 8), "inode", onGone);
  poll.bytes[POLL_EVENTS] = POLLIN;
  k.copyFd(poll, pidfd);
  k.call("ppoll", [poll, 1, [0, 0], 0, 8], { onPositive: onEnded ?? over });
  // A pidfd tells of the end of all threads. A process without its first one is a zombie, which has stopped.
  beginsWith(k, k.text("memoryFile"), "0 ", { onDifferent: alive });
  k.stop();
  k.place(missing);
  k.compareResult(pidfd, -ESRCH);
  if (onGone) k.jump(onGone);
  k.place(over);
  k.stop();
  k.place(alive);
  return pidfd;
}

/** Goes on if the process still has the name of an init. */
export function nameIsInits(k: PreparedKernel, answers: Answers): void {
  beginsWith(k, k.text("nameFile"), `${INIT_NAME}\n`, answers);
}

/** Goes on if exec.fifo is there. @param missing Where to go on if it is not. */
export function fifoIsThere(k: PreparedKernel, missing: Label): void {
  const absent = new Label(), there = new Label(), stat = k.buffer(STATX_SIZE);
  const asked = k.call("statx", [k.slot("dirFd"), "exec.fifo", 0, 0, stat], { onError: absent });
  k.jump(there);
  k.place(absent);
  k.compareResult(asked, -ENOENT);
  k.jump(missing);
  k.place(there);
}

/** Goes on if the container is not paused. */
export function isNotPaused(k: PreparedKernel): void {
  const asked = new Label(), over = new Label();
  k.branch(k.text("frozenFile"), { onPositive: asked });
  k.jump(over);
  k.place(asked);
  beginsWith(k, k.text("frozenFile"), "0");
  k.place(over);
}

/**
 * Takes the lock of the container, if no other command has it, and goes on if the container is still there.
 */
export function lock(k: PreparedKernel): void {
  k.call("flock", [k.slot("dirFd"), LOCK_EX | LOCK_NB]);
  isAsMade(k, "state.json", S_IFREG | 0o600);
}

/** Ends the command: it has done its work. */
export function done(k: PreparedKernel): void {
  k.call("exit_group", [0]);
}
