/**
 * What is wrong with a configuration: every problem at once, each with its JSON path.
 *
 * Only what the document alone shows is looked at; what depends on the host (files, kernel, other namespaces) is
 * found by the code that uses it. Unknown properties are ignored, as the specification wants.
 *
 * @module
 */
import { checkAnnotations, checkHostNames, checkRoot, checkVersion } from "./validate/config.ts";
import { checkHooks } from "./validate/hooks.ts";
import { checkDevices, checkIntelRdt, checkPaths, checkSysctl } from "./validate/linux.ts";
import { checkMounts } from "./validate/mounts.ts";
import {
  checkMountIds,
  checkNamespaces,
  checkNetDevices,
  checkTimeOffsets,
  checkUserNamespace,
  type Namespaces,
} from "./validate/namespaces.ts";
import type { Problem } from "./validate/problem.ts";
import { checkProcess } from "./validate/process.ts";
import { checkResources } from "./validate/resources.ts";
import { checkMemoryPolicy, checkPersonality } from "./validate/scheduling.ts";
import { checkSeccomp } from "./validate/seccomp.ts";
import { isObject, Section } from "./validate/section.ts";
import { collectWarnings } from "./validate/warnings.ts";

export { formatProblems, type Problem } from "./validate/problem.ts";

/**
 * The problems of a config.json, in the document's order as far as that is known; none if it is valid.
 *
 * @param config The document as `parseJson` reads it.
 */
export function validateConfig(config: unknown): Problem[] {
  const problems: Problem[] = [];
  const root = open(config, problems, "config cannot be null");
  if (!root) return problems;
  const process = root.object("process"), linux = root.object("linux");
  const namespaces = checkNamespaces(linux);
  checkVersion(root);
  checkRoot(root, namespaces);
  if (process) checkProcess(process);
  else if (!root.has("process")) root.fail("process", "process property must not be empty");
  checkHostNames(root, namespaces);
  checkMounts(root, namespaces);
  checkHooks(root);
  checkAnnotations(root);
  if (linux) checkLinux(root, linux, namespaces, process);
  return problems;
}

function checkLinux(
  config: Section,
  linux: Section,
  namespaces: Namespaces,
  process: Section | undefined,
): void {
  checkUserNamespace(linux, namespaces, process);
  checkMountIds(config, linux, namespaces);
  checkTimeOffsets(linux, namespaces);
  checkDevices(linux);
  checkNetDevices(linux, namespaces);
  const resources = linux.object("resources");
  if (resources) checkResources(resources, false);
  checkIntelRdt(linux);
  checkMemoryPolicy(linux);
  checkSysctl(linux, namespaces);
  checkSeccomp(linux);
  checkPaths(linux, namespaces);
  checkPersonality(linux);
}

/**
 * The problems of a process document, as `exec --process` reads it.
 *
 * @param process The document as `parseJson` reads it.
 */
export function validateProcess(process: unknown): Problem[] {
  const problems: Problem[] = [];
  const root = open(process, problems, "process property must not be empty");
  if (root) checkProcess(root);
  return problems;
}

/**
 * The problems of a resources document, as `update --resources` reads it.
 *
 * @param resources The document as `parseJson` reads it.
 */
export function validateResources(resources: unknown): Problem[] {
  const problems: Problem[] = [];
  const root = open(resources, problems, "resources cannot be null");
  if (root) checkResources(root, true);
  return problems;
}

/**
 * What a valid config.json asks for that is dropped, deprecated or obsolete, and does not make a command fail.
 *
 * @param config The document, with no problems.
 */
export function configWarnings(config: unknown): Problem[] {
  return collectWarnings(config);
}

function open(document: unknown, problems: Problem[], missing: string): Section | undefined {
  if (isObject(document)) return new Section(problems, document, "");
  const reason = document === null || document === undefined ? missing : "must be a JSON object";
  problems.push({ path: "", reason });
  return undefined;
}
