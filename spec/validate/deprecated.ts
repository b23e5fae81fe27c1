/**
 * Properties that the specification has and advises against.
 *
 * @module
 */
import type { Partly, Report } from "../rules/report.ts";
import type { Spec } from "../types.ts";

/** Warns of every deprecated property that is carried out all the same. */
export function warnDeprecated({ hooks, mounts = [] }: Partly<Spec>, warn: Report): void {
  if (hooks?.prestart?.length) {
    warn("hooks.prestart", "prestart hooks are deprecated", "use createRuntime hooks");
  }
  mounts.forEach(({ options = [] }, index) =>
    options.forEach((option, at) => {
      if (option !== "mand" && option !== "nomand") return;
      const reason = `the option ${option} is deprecated: kernels from 5.15 on have no mandatory locks`;
      warn(`mounts[${index}].options[${at}]`, reason, "remove it");
    })
  );
}
