/**
 * Cuts a process off from tsrun before it goes on by itself. The memory of the process becomes its own, and
 * the line to tsrun is closed. A container may then trace the process with ptrace(2) or get a descriptor of
 * it, but that gives it no access to memory that tsrun reads or other executors run.
 * @module
 */

import { MAP_FIXED, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "../ffi/constants.ts";
import type { Result } from "../ffi/kernel.ts";
import type { Label, Recorder } from "../ffi/recorder.ts";
import { ARENA, ARENA_SIZE } from "./image.ts";

/** The step that error messages name. */
export const CUTTING_OFF = "unshare the memory of the init stage";

/**
 * Makes the memory that the process shares with tsrun private. Its contents are kept. tsrun cannot see the
 * answers of later calls; it is only told where the process stops.
 *
 * @param arena The descriptor of the memory in the process, which is closed.
 * @param onError Where a failure leads to, for a process that runs without tsrun.
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
