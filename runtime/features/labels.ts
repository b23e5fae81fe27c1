/**
 * AppArmor profiles and SELinux contexts: what a process is to have, and whether this host can give it.
 *
 * A label that would not be enforced is an error, as in runc: whoever asks for one relies on it.
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

/** The init writes to a procfs of its own; for its keys it needs one before the others do. */
function createSteps(labels: ProcessLabels): SetupSteps {
  let early: Fd | undefined;
  return labelSteps<Setup>(labels, (setup) => setup.procfs ?? (early ??= setup.openProcfs()), ({ k }) => {
    if (early !== undefined) k.close(early);
    early = undefined;
  });
}

/** A process that names no labels gets the container's; with runc one that comes as a document has none then. */
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

/** What of the host decides; paths as they are on it. */
export interface LabelHost {
  /** Text of a file, undefined where there is none. */
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

/** What may stand in a `process` for its labels. */
export type Labelled = Pick<Process, "apparmorProfile" | "selinuxLabel">;

/**
 * The labels of a process; undefined where it has none.
 *
 * @param process What asks for them.
 * @param base Whose labels count where `process` has none: for `exec`, the container's own process.
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

/** The labels of a container that is made. @throws {RuntimeError} As {@linkcode labelsOf} and {@linkcode mountLabelOf}. */
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

/** The module says so itself; securityfs, where the profiles are listed, need not be mounted. */
function hasApparmor(host: LabelHost): boolean {
  return host.read("/sys/module/apparmor/parameters/enabled")?.startsWith("Y") === true;
}

/** SELinux is enabled where a selinuxfs is mounted that may be written to: is_selinux_enabled(3). */
function hasSelinux(host: LabelHost): boolean {
  const lines = (host.read("/proc/self/mountinfo") ?? "").split("\n");
  return lines.some((line) => {
    const [mount, filesystem = ""] = line.split(" - ");
    const [type, , options = ""] = filesystem.split(" ");
    const readonly = (list = "") => list.split(",").includes("ro");
    return type === "selinuxfs" && !readonly(options) && !readonly(mount.split(" ")[5]);
  });
}
