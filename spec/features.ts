/**
 * What tsrun implements, as `features` prints it: runtime-spec `features.md`.
 *
 * The lists come from the tables that validation and the container's set-up use, so the document promises
 * nothing else. Only implemented features are on.
 * Checkpoints need CRIU, which may be missing on a host.
 *
 * @module
 */
import { CAPABILITIES } from "./capabilities.ts";
import { HOOK_NAMES } from "./hook_names.ts";
import { knownMountOptions } from "./mount_options.ts";
import { NAMESPACES } from "./namespaces.ts";
import { MEMORY_POLICY_FLAGS, MEMORY_POLICY_MODES } from "./scheduling.ts";
import { type Features, OCI_VERSION, OCI_VERSION_MIN, type SeccompFeatures } from "./types.ts";

/** Facts for the document that `spec/` does not know. */
export interface FeatureFacts {
  /** Version of tsrun. */
  version: string;
  /** Commit it was built from. */
  commit: string;
  /** Version of libseccomp; absent where there is none. */
  libseccomp?: string;
  /** Filters that this host supports. */
  seccomp: SeccompFeatures;
}

/** The features document. */
export function features(facts: FeatureFacts): Features {
  return {
    ociVersionMin: OCI_VERSION_MIN,
    ociVersionMax: OCI_VERSION,
    hooks: [...HOOK_NAMES],
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: Object.keys(NAMESPACES).sort(),
      capabilities: Object.keys(CAPABILITIES),
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: facts.seccomp,
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: { modes: Object.keys(MEMORY_POLICY_MODES), flags: Object.keys(MEMORY_POLICY_FLAGS) },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: {
      ...(facts.libseccomp === undefined ? {} : { "io.github.seccomp.libseccomp.version": facts.libseccomp }),
      "io.github.tsrun.checkpoint.enabled": "true",
      "io.github.tsrun.commit": facts.commit,
      "io.github.tsrun.version": facts.version,
    },
    // runc's list, and crun's annotations. The first is runc's own; the others let a configuration change the
    // host's systemd and CRIU, and reach sockets of the host.
    potentiallyUnsafeConfigAnnotations: ["bundle", "org.systemd.property.", "org.criu.config", "run.oci."],
  };
}
