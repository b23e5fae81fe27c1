/**
 * The system call filter: what libseccomp and the kernel of this host do not know.
 * @module
 */

import { LibseccompError, SeccompFilter } from "../../../../ffi/libseccomp.ts";
import { reasonOf } from "../../../../ffi/errors.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS } from "../../../../spec/seccomp.ts";
import type { LinuxSeccomp } from "../../../../spec/types.ts";
import { compileProfile, nativeArch } from "../../../features/seccomp/compile.ts";
import type { HostReport } from "../finding.ts";
import { type Question, withPaths } from "./check.ts";

/** Compiles the filter, without its being loaded. The document has no errors. */
export function checkFilter({ spec }: Question, report: HostReport): void {
  const seccomp = spec.linux?.seccomp as LinuxSeccomp | undefined;
  if (!seccomp || !seccomp.defaultAction && !seccomp.syscalls?.length) return;
  try {
    compileProfile(seccomp, () => {});
  } catch (error) {
    return report("linux.seccomp", reasonOf(error), "install a newer libseccomp, or change the profile");
  }
  reportUnknown(seccomp, report);
}

/** System calls without a number on any of the filter's architectures: their rules have no effect. */
function reportUnknown({ architectures = [], syscalls = [] }: LinuxSeccomp, report: HostReport): void {
  const asked = syscalls.flatMap(({ names = [] }) => names);
  const tokens = [nativeArch, ...architectures.map((name) => SECCOMP_ARCHS[name])];
  try {
    using filter = new SeccompFilter(SECCOMP_ACTIONS.SCMP_ACT_ALLOW, asked);
    for (const [{ names = [] }, path] of withPaths(syscalls, "linux.seccomp.syscalls")) {
      for (const [name, at] of withPaths(names, `${path}.names`)) {
        if (tokens.some((arch) => filter.resolve(name, arch) !== undefined)) continue;
        const rule = "this host's libseccomp does not know this system call: the rule is left out";
        report(at, rule, "install a newer libseccomp, or correct the name", "dropped");
      }
    }
  } catch (error) {
    if (!(error instanceof LibseccompError)) throw error;
  }
}
