/**
 * The kinds of hooks: runtime-spec `config.md`, section POSIX-platform Hooks.
 *
 * @module
 */
import type { HookName } from "./config.ts";

/** The kinds of hooks, in the order of a container's life. */
export const HOOK_NAMES: readonly HookName[] = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
];
