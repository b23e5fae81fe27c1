/**
 * What is wrong with a document: every problem at once, each with its JSON path.
 *
 * Only the document itself is looked at. Code that uses a value finds problems that depend on the host
 * (files, kernel, other namespaces). Unknown properties are ignored, as the specification demands.
 *
 * @module
 */
import { checkRlimits } from "./rules/process.ts";
import type { Partly, Report } from "./rules/report.ts";
import { checkResources } from "./rules/resources.ts";
import { checkUsual } from "./rules/usual.ts";
import { warnCapabilities, warnUsual } from "./rules/warnings.ts";
import type { LinuxResources, Process, Spec } from "./types.ts";
import { Explainer, isObject } from "./validate/explain.ts";
import { checkIntelRdt, checkNetDevices, checkTimeOffsets } from "./validate/linux.ts";
import type { Problem } from "./validate/problem.ts";
import { allShapes } from "./validate/rare_shapes.ts";
import { checkRareResources } from "./validate/resources.ts";
import { checkMemoryPolicy, checkScheduler } from "./validate/scheduling.ts";
import { warnRare } from "./validate/warnings.ts";

export { formatProblems, type Problem } from "./validate/problem.ts";

/** A document that was read whole. */
export interface Reading<Document> {
  /**
   * What it says, under the specification's names, and with Go's zero values; complete if there are no
   * problems.
   */
  document: Document;
  /** What is wrong with it. */
  problems: Problem[];
  /** What it asks for that is dropped, deprecated or obsolete; none while there are problems. */
  warnings: Problem[];
  /** Values that are read differently from the way they are written. */
  notes: Problem[];
}

/**
 * Reads a config.json.
 *
 * @param config The document as `parseJson` reads it.
 */
export function explainConfig(config: unknown): Reading<Spec> {
  return readWhole<Spec>(config, "$config", "config cannot be null", (spec, report) => {
    const namespaces = checkUsual(spec, report);
    const { process, linux } = spec;
    if (process) checkScheduler(process, "process.", report);
    if (!linux) return;
    checkTimeOffsets(linux, namespaces, report);
    checkNetDevices(linux, namespaces, report);
    if (linux.resources) checkRareResources(linux.resources, "linux.resources.", report);
    checkIntelRdt(linux, report);
    checkMemoryPolicy(linux, report);
  }, (spec, warn) => {
    warnUsual(spec, warn);
    warnRare(spec, warn);
  });
}

/**
 * Reads a process document, that of `exec --process`.
 *
 * @param process The document as `parseJson` reads it.
 */
export function explainProcess(process: unknown): Reading<Process> {
  return readWhole<Process>(process, "$process", "process property must not be empty", (it, report) => {
    checkRlimits(it, "", report);
    checkScheduler(it, "", report);
  }, (it, warn) => warnCapabilities(it.capabilities, "capabilities.", warn));
}

/**
 * Reads a resources document, that of `update --resources`.
 *
 * @param resources The document as `parseJson` reads it.
 */
export function explainResources(resources: unknown): Reading<LinuxResources> {
  return readWhole<LinuxResources>(resources, "$resources", "resources cannot be null", (it, report) => {
    checkResources(it, "", true, report);
    checkRareResources(it, "", report);
  });
}

/** The problems of a config.json, as `explainConfig` finds them. */
export function validateConfig(config: unknown): Problem[] {
  return explainConfig(config).problems;
}

type Rules<Document> = (document: Partly<Document>, report: Report) => void;

/** Reads a document by its shape, and applies the rules to what has its shape. */
function readWhole<Document>(
  document: unknown,
  shape: string,
  missing: string,
  check: Rules<Document>,
  warn?: Rules<Document>,
): Reading<Document> {
  const explainer = new Explainer(allShapes()), { problems, notes } = explainer, warnings: Problem[] = [];
  if (!isObject(document)) {
    const reason = document === null || document === undefined ? missing : "must be a JSON object";
    return { document: {} as Document, problems: [{ path: "", reason }], warnings, notes };
  }
  const read = explainer.read(document, shape, { path: "", name: shape }) as Document;
  const wrong = problems.map((it) => it.path);
  check(read as Partly<Document>, (path, reason, fix, cause = path) => {
    if (wrong.some((it) => isWithin(path, it) || it === cause)) return;
    problems.push(fix === undefined ? { path, reason } : { path, reason, fix });
  });
  if (problems.length === 0) {
    warn?.(read as Partly<Document>, (path, reason) => warnings.push({ path, reason }));
  }
  return { document: read, problems, warnings, notes };
}

/** Whether the path is that one, or of something in it. */
function isWithin(path: string, parent: string): boolean {
  return path.startsWith(parent) &&
    (path.length === parent.length || /^[.[]/.test(path.slice(parent.length)));
}
