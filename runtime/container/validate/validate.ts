/**
 * Everything that is wrong with a config, or may be: what `create` would refuse, what this host lacks, and
 * what is probably not meant.
 *
 *     text ── document.ts: rules of the specification ──> errors, warnings
 *       └──── host/*.ts: one check for each subject ────> problems of this host
 *
 * Nothing is started, made or changed, and no rights are needed.
 * @module
 */

import { reasonOf } from "../../../ffi/errors.ts";
import { HostMounts } from "../../host/mounts.ts";
import type { HostView } from "../../host/view.ts";
import { judgeDocument } from "./document.ts";
import { type Finding, findingOf, type HostReport } from "./finding.ts";
import type { HostCheck, Question } from "./host/check.ts";
import { checkAgent, checkCwd, checkHooks, checkProgram, checkRootfs } from "./host/files.ts";
import { checkMappings } from "./host/id_maps.ts";
import { checkCgroups, checkDevices, checkParameters, checkRdt } from "./host/linux.ts";
import { checkHostMounts } from "./host/mounts.ts";
import { checkNamespaces } from "./host/namespaces.ts";
import { checkCapabilities, checkLabels, checkLimits } from "./host/process.ts";
import { checkFilter } from "./host/seccomp.ts";

/** The host that a config is judged for, and how a container of it would be made. */
export interface JudgedHost {
  view: HostView;
  /** Text of /proc/self/mountinfo. */
  mountinfo?: string;
  /** `--systemd-cgroup`, and `--rootless` as it was decided. */
  systemdCgroup: boolean;
  rootless: boolean;
}

/** Checks that look at single values, which may be those of a config with errors elsewhere. */
const CHECKS: readonly HostCheck[] = [
  checkRootfs,
  checkProgram,
  checkCwd,
  checkHooks,
  checkHostMounts,
  checkNamespaces,
  checkMappings,
  checkCapabilities,
  checkLabels,
  checkLimits,
  checkParameters,
  checkDevices,
  checkAgent,
];

/** Checks by the plans of `create`, which take a config without errors only. */
const PLANS: readonly HostCheck[] = [checkCgroups, checkRdt, checkFilter];

/**
 * Judges a config.
 *
 * @param text The text of a config.json.
 * @param bundle Absolute path of its bundle; undefined for a config alone.
 * @param host Undefined for the document alone.
 * @returns Errors, then problems of the host, then warnings.
 */
export async function validateText(
  text: string,
  bundle: string | undefined,
  host: JudgedHost | undefined,
): Promise<Finding[]> {
  const { document, spec, findings } = await judgeDocument(text);
  if (host === undefined || document === undefined) return findings;
  const { view, mountinfo, systemdCgroup, rootless } = host;
  const place = spec.root?.path, mounts = new HostMounts(mountinfo);
  const root = place && (place.startsWith("/") ? place : bundle && `${bundle}/${place}`);
  const rootfs = root && view.kind(root) === "directory" ? root : undefined;
  const question: Question = { spec, host: view, mounts, bundle, rootfs, systemdCgroup, rootless };
  const wrong = findings.some(({ kind }) => kind === "error"),
    seen = new Set(findings.map(({ path }) => path));
  const found: Finding[] = [];
  const report: HostReport = (path, reason, fix, verdict) => {
    // A value that is wrong in itself is not told twice.
    if (wrong && seen.has(path)) return;
    found.push(findingOf("host", { path, reason, fix }, document, verdict !== "dropped"));
  };
  for (const check of wrong ? CHECKS : [...CHECKS, ...PLANS]) await check(question, report);
  const first = findings.filter(({ kind }) => kind === "error");
  return [...first, ...found, ...findings.filter(({ kind }) => kind === "warning")];
}

/** The finding for a document that cannot be read. */
export function unreadable(error: unknown, reason = reasonOf(error)): Finding {
  const fix = "name a regular file or a pipe that you may read";
  return findingOf("error", { path: "", reason, fix }, undefined);
}
