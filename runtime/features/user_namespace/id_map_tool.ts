/**
 * newuidmap(1) and newgidmap(1): they write the ids that /etc/subuid and /etc/subgid grant to a user.
 *
 * An executor starts the program, as it does for hooks: its end is waited for with a deadline, a signal to
 * tsrun ends it, and of what it writes only the beginning is read.
 * @module
 */

import type { LocalKernel } from "../../../ffi/local.ts";
import { stat } from "../../../ffi/stat.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { type Arena, spawnExecutor } from "../../../init/executor.ts";
import { hookFailure, outputOfHook } from "../../../init/hook_failure.ts";
import { recordHook } from "../../../init/hook_program.ts";
import { RLIMITS } from "../../../spec/rlimits.ts";
import type { LinuxIDMapping } from "../../../spec/types.ts";
import { ID_MAP_TOOL_DIRECTORIES } from "./id_map_tool_places.ts";

/** The most bytes that it may write to a stream. */
const OUTPUT_MAX = 1 << 20;
/** Seconds that it may take: it may have to ask a directory service. */
const TIMEOUT = 60;

/**
 * Lets a program write a map of a process's new user namespace.
 *
 * @param pid The process.
 * @throws {RuntimeError} When it is not installed, or with its reason.
 */
export function runIdMapTool(
  k: LocalKernel,
  arena: Arena,
  kind: "uid" | "gid",
  pid: number,
  ranges: readonly LinuxIDMapping[],
): void {
  const name = `new${kind}map`;
  const path = ID_MAP_TOOL_DIRECTORIES.map((directory) => `${directory}/${name}`).find((it) => stat(k, it));
  if (path === undefined) {
    throw new RuntimeError(
      "ENOENT_ID_MAP_TOOL",
      `map ${kind}s other than your own: ${name} is not installed (Debian: package uidmap); ` +
        `without it linux.${kind}Mappings can only be one range of size 1 with your own id`,
    );
  }
  const args = [
    pid,
    ...ranges.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]),
  ].map(String);
  using executor = spawnExecutor(arena);
  const tool = { path, args: [name, ...args], env: [], timeout: TIMEOUT };
  // What it writes is kept in memory.
  executor.kernel.prlimit(0, RLIMITS.RLIMIT_FSIZE, OUTPUT_MAX, OUTPUT_MAX);
  const recorded = recordHook(executor.kernel, tool, { state: "", env: [] });
  executor.kernel.flush();
  const failure = hookFailure(recorded);
  if (failure === undefined) return;
  const reason = outputOfHook(recorded).stderr || failure;
  throw new RuntimeError(
    "EPERM_ID_MAP",
    `${name} ${args.join(" ")}: ${reason} (/etc/sub${kind} says which ids you may use)`,
  );
}
