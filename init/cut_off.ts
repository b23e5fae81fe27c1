/**
 * Cuts a process off from tsrun before it goes on by itself: its memory becomes its own, and the line to
 * tsrun is closed. A container that gets hold of the process by ptrace(2), or of a descriptor of it, then has
 * nothing in hand that tsrun looks at, or that other executors run.
 * @module
 */

import { MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../ffi/constants.ts";
import type { Result } from "../ffi/kernel.ts";
import type { Label, Recorder } from "../ffi/recorder.ts";
import { ARENA, ARENA_SIZE } from "./image.ts";

/** What is said of a failure. */
export const CUTTING_OFF = "unshare the memory of the init stage";

/**
 * Makes the memory that the process shares with tsrun its own; it keeps what is in it. The answers of later
 * calls reach nobody: only where the process stops is still heard.
 *
 * @param arena The descriptor of the memory in the process, which is closed.
 * @param onError Where a failure leads to, for a process that nobody drives.
 */
export function unshareMemory(k: Recorder, arena: number, onError?: Label): Result {
  const protection = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_FIXED;
  const mapped = k.call("mmap", [ARENA, ARENA_SIZE, protection, flags, arena, 0], {
    doing: CUTTING_OFF,
    onError,
  });
  closeQuietly(k, arena);
  return mapped;
}

/** Closes a descriptor that may be closed already. */
export function closeQuietly(k: Recorder, fd: number): void {
  k.call("close", [fd], { allow: "any" });
}
