/**
 * What is wrong with a config on every host: the document is judged alone.
 * @module
 */

import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { parseJson } from "../../../spec/json.ts";
import type { Partly } from "../../../spec/rules/report.ts";
import type { Spec } from "../../../spec/types.ts";
import { explainConfig } from "../../../spec/validate.ts";
import { warnDangers } from "../../../spec/validate/dangers.ts";
import { warnDeprecated } from "../../../spec/validate/deprecated.ts";
import { findUnknownFields } from "../../../spec/validate/unknown_fields.ts";
import { loadDeviceRules } from "../../cgroups/mod.ts";
import { type Finding, findingOf } from "./finding.ts";

/** A config that was judged. */
export interface JudgedDocument {
  /** As it was read; undefined if it is no JSON. */
  document: unknown;
  /** What of it has its shape. Complete if there are no errors. */
  spec: Partly<Spec>;
  /** Errors and warnings. */
  findings: Finding[];
}

/** Judges a text by the rules of the specification, and those of every driver of cgroups. */
export async function judgeDocument(text: string): Promise<JudgedDocument> {
  let document: unknown;
  try {
    document = parseJson(text);
  } catch (error) {
    const problem = { path: "", reason: reasonOf(error), fix: "correct the JSON" };
    return { document: undefined, spec: {}, findings: [findingOf("error", problem, undefined)] };
  }
  const { document: spec, problems, warnings } = explainConfig(document);
  const findings = problems.map((problem) => findingOf("error", problem, document));
  if (findings.length === 0) findings.push(...await refusedRules(spec, document));
  const warn = (path: string, reason: string, fix?: string) =>
    findings.push(findingOf("warning", { path, reason, fix }, document));
  for (const { path, reason, fix } of warnings) warn(path, reason, fix);
  findUnknownFields(document, warn);
  warnDeprecated(spec, warn);
  warnDangers(spec, warn);
  return { document, spec, findings };
}

/** A list of device rules that no kernel can hold. */
async function refusedRules({ linux }: Spec, document: unknown): Promise<Finding[]> {
  const rules = linux?.resources?.devices;
  if (!rules?.length) return [];
  try {
    (await loadDeviceRules()).deviceList(rules);
    return [];
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const fix = "write the narrower rule before the wider one, or split the wider one";
    return [findingOf("error", { path: "linux.resources.devices", reason: error.message, fix }, document)];
  }
}
