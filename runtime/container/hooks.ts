/**
 * Hooks in the runtime's namespaces: prestart, createRuntime, poststart, poststop.
 *
 * An executor of their own starts them, and exists only where there are hooks: a hook's `args[0]` may differ
 * from its path, its standard input is the state, and the kernel's clock keeps its deadline.
 *
 * Source: runtime-spec config.md, section POSIX-platform Hooks, and runtime.md, section Lifecycle.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import { Arena, spawnExecutor } from "../../init/executor.ts";
import { hookFailure } from "../../init/hook_failure.ts";
import { type HookOutput, recordHook } from "../../init/hook_program.ts";
import type { Hook, HookName, State } from "../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { callerEnvironment } from "../host/caller.ts";
import { giveHookOutput } from "./hook_output.ts";
import type { ContainerState } from "./record.ts";
import { ociState } from "./status.ts";

/** The environment that a hook inherits when the config names none: the runtime's own, as in runc. */
export function inheritedEnv(): string[] {
  return Object.entries(callerEnvironment()).map(([name, value]) => `${name}=${value}`);
}

/** Hooks that run in the runtime's namespaces. */
export type RuntimeHookName = Exclude<HookName, "createContainer" | "startContainer">;

/**
 * Runs hooks of one kind, one after the other.
 *
 * @param k The kernel of this process.
 * @param state The state that the hooks get.
 * @param arena The command's shared memory, where it has one already.
 * @returns The failures as messages: the first one, after which no hook runs; for poststop all of them.
 */
function runAll(
  k: LocalKernel,
  name: RuntimeHookName,
  hooks: readonly Hook[],
  state: State,
  arena: Arena,
): string[] {
  // Where an interrupt leaves this scope, the executor ends, and the hook ends with it.
  using executor = spawnExecutor(arena);
  executor.kernel.subject.name = `${name} hooks`;
  const failures: string[] = [];
  let output: HookOutput = {};
  try {
    output = giveHookOutput(k, state, executor.kernel);
  } catch (error) {
    // What cleans up runs in any case.
    if (name !== "poststop") throw error;
    failures.push(`poststop hooks: ${reasonOf(error)}`);
  }
  for (const [i, hook] of hooks.entries()) {
    const setting = {
      state: JSON.stringify(state),
      env: inheritedEnv(),
      cwd: state.bundle,
      limited: true,
      output,
    };
    const failure = executor.kernel.reusing(() => {
      const recorded = recordHook(executor.kernel, hook, setting);
      executor.kernel.flush();
      return hookFailure(recorded);
    });
    if (failure !== undefined) failures.push(`error running ${name} hook #${i}: ${failure}`);
    if (failure !== undefined && name !== "poststop") break;
  }
  return failures;
}

/**
 * Runs hooks of one kind, if there are any.
 *
 * @throws {RuntimeError} `error running <name> hook #<n>: <reason>` for the first that fails.
 */
export function runHooks(
  k: LocalKernel,
  name: Exclude<RuntimeHookName, "poststop">,
  hooks: readonly Hook[] | undefined,
  state: State,
  arena?: Arena,
): void {
  if (!hooks?.length) return;
  using own = arena ? undefined : new Arena(k, 0);
  const [failure] = runAll(k, name, hooks, state, arena ?? own!);
  if (failure !== undefined) throw new RuntimeError("ECANCELED_HOOK", failure);
}

/**
 * Runs the poststop hooks of a container that is gone. Every one runs. Their failures are returned for the
 * log.
 */
export function runPoststop(
  k: LocalKernel,
  hooks: readonly Hook[] | undefined,
  state: ContainerState,
): string[] {
  if (!hooks?.length) return [];
  using arena = new Arena(k, 0);
  return runAll(k, "poststop", hooks, ociState(state, "stopped"), arena);
}
