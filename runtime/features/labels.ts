/**
 * AppArmor profiles and SELinux contexts: the labels of a process, and whether this host can enforce them.
 *
 * As in runc, a label that would not be enforced is an error, because the caller relies on it.
 *
 * Sources: runtime-spec config.md (`apparmorProfile`, `selinuxLabel`) and config-linux.md (`mountLabel`),
 * Documentation/admin-guide/LSM/apparmor.rst, selinux(8).
 * @module
 */

import type { Fd } from "../../ffi/kernel.ts";
import {
  type ContainerLabels,
  type HostProcfs,
  labelSteps,
  openHostProcfs,
  ProcessLabels,
} from "../../init/labels.ts";
import type { ExecSetup } from "../../init/exec_context.ts";
import type { Setup, SetupSteps } from "../../init/setup_context.ts";
import type { Process, Spec } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { readText } from "../host/files.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "./feature.ts";

/** Labels of the container's mounts, its keyring and its process. */
export function forCreate({ spec }: CreateRequest): CreateFeature {
  const { process, mounts } = containerLabels(spec);
  return {
    steps: () => ({
      birth: (setup) => void (setup.mounts.label = mounts),
      ...process && createSteps(process),
    }),
  };
}

/**
 * The init writes its labels through a procfs of its own. For the labels of keys it needs the procfs earlier
 * than the other steps.
 */
function createSteps(labels: ProcessLabels): SetupSteps {
  let early: Fd | undefined;
  return labelSteps<Setup>(labels, (setup) => setup.procfs ?? (early ??= setup.openProcfs()), ({ k }) => {
    if (early !== undefined) k.close(early);
    early = undefined;
  });
}

/**
 * Labels of the process. One that names none gets the container's. With runc, a process from a document has
 * none then.
 */
export function forExec({ process, spec }: ExecRequest): ExecFeature {
  const labels = labelsOf(process, spec.process);
  if (labels === undefined) return {};
  let procfs: HostProcfs;
  return {
    steps: () => ({
      host(setup) {
        procfs = openHostProcfs(setup.k);
        setup.later("found", procfs.check);
      },
      ...labelSteps<ExecSetup>(labels, () => procfs.fd),
      privileges: ({ k }) => void k.close(procfs.fd),
    }),
  };
}

/** Access to the host's files that decide on labels, by their paths on the host. */
export interface LabelHost {
  /** Text of a file; undefined where there is none. */
  read(path: string): string | undefined;
}

const HOST: LabelHost = {
  read(path) {
    try {
      return readText(path);
    } catch {
      return undefined;
    }
  },
};

/** The fields of a `process` with labels. */
export type Labelled = Pick<Process, "apparmorProfile" | "selinuxLabel">;

/**
 * The labels of a process; undefined where it has none.
 *
 * @param process The process.
 * @param base Gives labels where `process` has none: for `exec`, the container's own process.
 * @throws {RuntimeError} In runc's words, when the host does not enforce such labels.
 */
export function labelsOf(process: Labelled, base: Labelled = {}, host = HOST): ProcessLabels | undefined {
  const profile = process.apparmorProfile || base.apparmorProfile || "";
  const context = process.selinuxLabel || base.selinuxLabel || "";
  if (profile === "" && context === "") return undefined;
  if (context !== "" && !hasSelinux(host)) {
    throw new RuntimeError(
      "ENOTSUP_LABEL",
      "selinux label is specified in config, but selinux is disabled or not supported",
    );
  }
  if (profile !== "" && !hasApparmor(host)) {
    throw new RuntimeError(
      "ENOTSUP_LABEL",
      `unable to apply apparmor profile ${JSON.stringify(profile)}: ` +
        "apparmor: config provided but apparmor not supported (it is not enabled on this host)",
    );
  }
  const own = profile !== "" && host.read("/proc/self/attr/apparmor/current") !== undefined;
  return new ProcessLabels(profile, own ? "attr/apparmor/exec" : "attr/exec", context);
}

/**
 * The labels of a new container. @throws {RuntimeError} As {@linkcode labelsOf} and {@linkcode mountLabelOf}.
 */
export function containerLabels({ process, linux }: Spec): ContainerLabels {
  return { process: labelsOf(process), mounts: mountLabelOf(linux?.mountLabel) };
}

/** The context of the container's mounts. @throws {RuntimeError} When the host does not enforce it. */
export function mountLabelOf(label: string | undefined, host = HOST): string {
  if (!label) return "";
  if (hasSelinux(host)) return label;
  throw new RuntimeError(
    "ENOTSUP_LABEL",
    `linux.mountLabel ${
      JSON.stringify(label)
    } is specified in config, but selinux is disabled or not supported`,
  );
}

/** The module itself tells. securityfs, which lists the profiles, need not be mounted. */
function hasApparmor(host: LabelHost): boolean {
  return host.read("/sys/module/apparmor/parameters/enabled")?.startsWith("Y") === true;
}

/** SELinux is enabled where a writable selinuxfs is mounted: is_selinux_enabled(3). */
function hasSelinux(host: LabelHost): boolean {
  const lines = (host.read("/proc/self/mountinfo") ?? "").split("\n");
  return lines.some((line) => {
    const [mount, filesystem = ""] = line.split(" - ");
    const [type, , options = ""] = filesystem.split(" ");
    const readonly = (list = "") => list.split(",").includes("ro");
    return type === "selinuxfs" && !readonly(options) && !readonly(mount.split(" ")[5]);
  });
}
