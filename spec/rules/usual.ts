/**
 * The rules of the properties that clients usually send.
 *
 * @module
 */
import type { Spec } from "../types.ts";
import { checkUserNamespace } from "./id_mappings.ts";
import { checkMounts } from "./mounts.ts";
import { checkHostNames, checkPaths, checkSysctl, type Namespaces, namespacesOf } from "./namespaces.ts";
import { checkRlimits } from "./process.ts";
import { type Partly, propertyPath, quote, type Report } from "./report.ts";
import { checkResources } from "./resources.ts";
import { checkSeccomp } from "./seccomp.ts";

/**
 * Reports all values of usual properties that contradict one another.
 *
 * @returns The container's namespaces, which the rules of rare properties need.
 */
export function checkUsual(config: Partly<Spec>, report: Report): Namespaces {
  const { ociVersion, process, annotations, linux = {} } = config;
  const namespaces = namespacesOf(linux, report);
  checkVersion(ociVersion, report);
  checkPaths(config, namespaces, report);
  if (process) checkRlimits(process, "process.", report);
  checkHostNames(config, namespaces, report);
  checkMounts(config, namespaces, report);
  for (const key in annotations) {
    if (key === "") report(propertyPath("annotations", key), "an annotation's name must not be empty");
  }
  checkUserNamespace(config, namespaces, report);
  if (linux.resources) checkResources(linux.resources, "linux.resources.", false, report);
  checkSysctl(linux, namespaces, report);
  if (linux.seccomp) checkSeccomp(linux.seccomp, report, config.annotations?.["run.oci.seccomp.receiver"]);
  return namespaces;
}

/**
 * The versions that clients write. They are looked up because a regular expression takes 0.2 ms the first
 * time.
 */
const USUAL_VERSIONS = ["1.0.2-dev", "1.0.2", "1.1.0", "1.2.0", "1.2.1", "1.3.0"];

/**
 * `ociVersion` is a SemVer version whose first number is implemented here. A configuration without it is
 * accepted.
 */
function checkVersion(version: string | undefined, report: Report): void {
  if (!version || USUAL_VERSIONS.includes(version)) return;
  const major = /^(\d+)\.\d+\.\d+(?:[-+][\w.+-]+)?$/.exec(version)?.[1];
  if (major === undefined) {
    report("ociVersion", `${quote(version)} is not a SemVer version`, "such as 1.3.0");
  } else if (Number(major) > 1) report("ociVersion", `version ${version} is not supported`);
}
