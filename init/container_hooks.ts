/**
 * Hooks that the init runs in the container's namespaces: createContainer, before the root is changed, and
 * startContainer, right before the program.
 *
 * Source: runtime-spec config.md (POSIX-platform Hooks), runtime.md (Lifecycle).
 * @module
 */

import { TsrunError } from "../ffi/errors.ts";
import type { Hooks } from "../spec/types.ts";
import { hookFailure, recordHook } from "./hook_program.ts";
import type { Setup, SetupSteps } from "./setup_context.ts";

/** What the hooks are given. */
export interface ContainerHookSetting {
  /** The container's state as JSON; the pid is the one that the init has in its PID namespace. */
  state: (status: "creating" | "created", pid: number) => string;
  /** The runtime's environment, for createContainer hooks for which the config names none. */
  runtimeEnv: () => readonly string[];
}

/** The steps that run the hooks. */
export function containerHooks(
  { createContainer = [], startContainer = [] }: Hooks,
  setting: ContainerHookSetting,
): SetupSteps {
  return {
    "container hooks": createContainer.length === 0 ? undefined : ({ k, plan }) => {
      const state = setting.state("creating", ownPid(k));
      createContainer.forEach((hook, i) => {
        const failure = k.reusing(() => {
          const recorded = recordHook(k, hook, { state, env: setting.runtimeEnv(), cwd: plan.rootfs });
          k.flush();
          return hookFailure(recorded);
        });
        if (failure === undefined) return;
        const operation = `error running createContainer hook #${i}`;
        throw new TsrunError({ code: "ECANCELED_HOOK", operation, reason: failure });
      });
    },
    start: startContainer.length === 0 ? undefined : (setup) => {
      const state = setting.state("created", ownPid(setup.k));
      setup.startHooks = { hooks: startContainer, setting: { state, env: setup.env } };
    },
  };
}

function ownPid(k: Setup["k"]): number {
  return k.call("getpid", []).wait();
}
