/**
 * The seccomp part of `tsrun features`.
 * @module
 */

import { locateLibseccomp } from "../../../ffi/libseccomp_file.ts";
import { kernelKnowsFlag } from "../../../ffi/libseccomp_probe.ts";
import type { SeccompFeatures } from "../../../spec/features_document.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS, SECCOMP_FLAGS, SECCOMP_OPERATORS } from "../../../spec/seccomp.ts";

/**
 * The filters that this host supports: names that tsrun knows, and flags that this kernel knows as well.
 *
 * `enabled` is false where libseccomp is not installed.
 */
export function seccompFeatures(): SeccompFeatures {
  const flags = Object.entries(SECCOMP_FLAGS);
  return {
    enabled: locateLibseccomp() !== null,
    actions: Object.keys(SECCOMP_ACTIONS).sort(),
    operators: Object.keys(SECCOMP_OPERATORS).sort(),
    archs: Object.keys(SECCOMP_ARCHS).sort(),
    knownFlags: flags.map(([name]) => name),
    supportedFlags: flags.filter(([, flag]) => kernelKnowsFlag(flag)).map(([name]) => name),
  };
}
