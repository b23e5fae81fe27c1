/**
 * The hooks of a create: prestart and createRuntime in tsrun's namespaces, createContainer and startContainer
 * in the container's.
 * @module
 */

import { containerHooks } from "../../../init/container_hooks.ts";
import type { CreateFeature, CreateRequest } from "../../features/feature.ts";
import { giveHookOutput } from "../hook_output.ts";
import { inheritedEnv, runHooks } from "../hooks.ts";

/** Poststart and poststop hooks are run by the commands `start` and `delete`. */
export function forCreate({ spec: { hooks = {} } }: CreateRequest): CreateFeature {
  const { prestart = [], createRuntime = [] } = hooks;
  return {
    steps: (deed) => ({
      ...containerHooks(hooks, {
        state: (status, pid) => JSON.stringify({ ...deed.state(status), pid }),
        runtimeEnv: inheritedEnv,
        output: () => giveHookOutput(deed.k, deed.state("creating"), deed.init),
      }),
      "runtime hooks": prestart.length + createRuntime.length === 0 ? undefined : () => {
        const { k, arena } = deed;
        deed.pid();
        // Hooks may look at the limits, or change them.
        deed.limit();
        runHooks(k, "prestart", prestart, deed.state("creating"), arena);
        runHooks(k, "createRuntime", createRuntime, deed.state("creating"), arena);
      },
    }),
  };
}
