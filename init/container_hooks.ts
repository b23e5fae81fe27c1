/**
 * Hooks that the init runs in the container's namespaces: createContainer hooks before the root is changed,
 * startContainer hooks right before the program.
 *
 * Source: runtime-spec config.md (POSIX-platform Hooks), runtime.md (Lifecycle).
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import type { Hooks } from "../spec/types.ts";
import { hookFailure } from "./hook_failure.ts";
import { type HookOutput, recordHook } from "./hook_program.ts";
import type { Setup, SetupSteps } from "./setup_context.ts";

/** The state and environment of the hooks. */
export interface ContainerHookSetting {
  /** Returns the container's state as JSON. The pid in it is the init's pid in its own PID namespace. */
  state: (status: "creating" | "created", pid: number) => string;
  /**
   * Returns the runtime's environment, for createContainer hooks whose environment the config does not name.
   */
  runtimeEnv: () => readonly string[];
  /** Opens the files that get what hooks write. */
  output: () => HookOutput;
}

/** The steps that run the hooks. */
export function containerHooks(
  { createContainer = [], startContainer = [] }: Hooks,
  setting: ContainerHookSetting,
): SetupSteps {
  return {
    "container hooks": createContainer.length === 0 ? undefined : ({ k, plan }) => {
      const state = setting.state("creating", ownPid(k)), output = setting.output();
      createContainer.forEach((hook, i) => {
        const failure = k.reusing(() => {
          const inputs = { state, env: setting.runtimeEnv(), cwd: plan.rootfs };
          const recorded = recordHook(k, hook, { ...inputs, output, limited: true });
          k.flush();
          return hookFailure(recorded);
        });
        if (failure === undefined) return;
        const operation = `error running createContainer hook #${i}`;
        throw new TsrunError({ code: "ECANCELED_HOOK", operation, reason: failure });
      });
    },
    start: startContainer.length === 0 ? undefined : (setup) => {
      const state = setting.state("created", ownPid(setup.k)), output = setting.output();
      setup.startHooks = { hooks: startContainer, setting: { state, env: setup.env, output } };
    },
  };
}

function ownPid(k: Setup["k"]): number {
  return k.call("getpid", []).wait();
}
