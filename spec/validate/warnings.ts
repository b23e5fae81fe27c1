/**
 * Requests of a configuration that are dropped, deprecated or obsolete without being an error, as far as rare
 * properties go.
 *
 * @module
 */
import type { Partly, Report } from "../rules/report.ts";
import type { Spec } from "../types.ts";

/** Properties of `intelRdt` before version 1.3.0 of the specification. */
interface OldIntelRdt {
  enableCMT?: boolean;
  enableMBM?: boolean;
}

/** Warns of every rare property that is not carried out as it is written. */
export function warnRare({ linux = {} }: Partly<Spec>, warn: Report): void {
  const flags = linux.personality?.flags ?? [];
  if (flags.length > 0) {
    warn("linux.personality.flags", `ignoring unsupported personality flags: [${flags.join(" ")}]`);
  }
  const { kernel, kernelTCP } = linux.resources?.memory ?? {};
  if (kernel !== undefined || kernelTCP !== undefined) {
    const name = kernel !== undefined ? "kernel" : "kernelTCP";
    warn(`linux.resources.memory.${name}`, "kernel memory settings are ignored");
  }
  for (const name of ["enableCMT", "enableMBM"] as const) {
    if ((linux.intelRdt as OldIntelRdt | undefined)?.[name] === undefined) continue;
    warn(`linux.intelRdt.${name}`, "replaced by enableMonitoring in version 1.3.0: ignored");
  }
}
