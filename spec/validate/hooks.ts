/**
 * Rules of hooks: runtime-spec `config.md`, section POSIX-platform Hooks.
 *
 * @module
 */
import { HOOK_NAMES } from "../hook_names.ts";
import { checkEnvironment } from "./process.ts";
import type { Section } from "./section.ts";

/** All rules of `hooks`. */
export function checkHooks(config: Section): void {
  const hooks = config.object("hooks");
  if (!hooks) return;
  for (const name of HOOK_NAMES) {
    for (const hook of hooks.objects(name)) {
      hook.need("path");
      const path = hook.string("path");
      if (path !== undefined && !path.startsWith("/")) hook.fail("path", "must be an absolute path");
      hook.strings("args");
      checkEnvironment(hook);
      const timeout = hook.integer("timeout", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
      if (timeout !== undefined && timeout <= 0) {
        hook.fail("timeout", `must be greater than zero, not ${timeout}`);
      }
    }
  }
}
