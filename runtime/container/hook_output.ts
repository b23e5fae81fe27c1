/**
 * `run.oci.hooks.stdout` and `run.oci.hooks.stderr`: files that get what hooks write. They are opened by
 * tsrun, on the host, and handed to the process that starts the hooks.
 * @module
 */

import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { RemoteKernel } from "../../ffi/remote.ts";
import { giveDescriptor } from "../../init/hand_over.ts";
import type { HookOutput } from "../../init/hook_program.ts";
import { runOci } from "../../spec/run_oci.ts";
import type { State } from "../../spec/types.ts";
import { openToAppend } from "../host/append_file.ts";

/**
 * Opens the files, and hands them over.
 *
 * @param state The container's, with its annotations.
 * @param process Where hooks are started.
 * @returns Their descriptors in that process, where they stay open.
 * @throws {RuntimeError} With the annotation, and why its file cannot be had.
 */
export function giveHookOutput(k: LocalKernel, state: State, process: RemoteKernel): HookOutput {
  const output: HookOutput = {};
  for (const stream of ["stdout", "stderr"] as const) {
    const path = runOci(state, `hooks.${stream}`);
    if (path === undefined) continue;
    try {
      if (!/^\/.*[^/]$/.test(path)) {
        throw new RuntimeError("EINVAL_ANNOTATION", "must be an absolute path of a file");
      }
      using file = openToAppend(k, path);
      output[stream] = giveDescriptor(k, process, file.fd);
    } catch (error) {
      throw RuntimeError.from(error, `annotation run.oci.hooks.${stream}: ${reasonOf(error)}`);
    }
  }
  return output;
}
