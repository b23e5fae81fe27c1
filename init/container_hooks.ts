/**
 * createContainer hooks: paths of the runtime, namespaces of the container. Source: runtime-spec config.md (POSIX-platform Hooks).
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import type { Recorder } from "../ffi/recorder.ts";
import type { Hook } from "../spec/types.ts";
import { hookFailure, type HookSetting, recordHook } from "./hook_program.ts";

/**
 * Runs the hooks, one after the other, as children of the kernel's process.
 *
 * @param settingFor What they are given, by the pid that the process has for itself.
 * @throws {TsrunError} For the first that fails.
 */
export function containerHooks(
  k: Recorder,
  hooks: readonly Hook[],
  settingFor: (pid: number) => HookSetting,
): void {
  if (hooks.length === 0) return;
  const setting = settingFor(k.call("getpid", []).wait());
  hooks.forEach((hook, i) => {
    const failure = k.reusing(() => {
      const recorded = recordHook(k, hook, setting);
      k.flush();
      return hookFailure(recorded);
    });
    if (failure === undefined) return;
    const operation = `error running createContainer hook #${i}`;
    throw new TsrunError({ code: "HOOK_FAILED", operation, reason: failure });
  });
}
