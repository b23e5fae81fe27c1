/**
 * Documents that a quick look does not accept: each is read whole, and everything that is wrong with it is
 * told. Clients seldom send such.
 * @module
 */

import { type ErrorCode, RuntimeError } from "../../ffi/errors.ts";
import type { Process, Spec } from "../../spec/types.ts";
import { explainConfig, explainProcess, formatProblems, type Reading } from "../../spec/validate.ts";
import type { Log } from "../host/log.ts";

/**
 * Reads a config.json.
 *
 * @param log Gets warnings, and at level debug the values that are read differently from the way they are
 * written.
 * @param name What messages call the document.
 * @throws {RuntimeError} With everything that is wrong with it.
 */
export function readWholeConfig(config: unknown, log: Log, name: string): Spec {
  return accept(explainConfig(config), log, "EINVAL_CONFIG", name);
}

/** Reads the document of a process, as {@linkcode readWholeConfig} does a config. */
export function readWholeProcess(process: unknown, log: Log, name: string): Process {
  return accept(explainProcess(process), log, "EINVAL_PROCESS", name);
}

function accept<Document>(
  { document, problems, warnings, notes }: Reading<Document>,
  log: Log,
  code: ErrorCode,
  name: string,
): Document {
  if (problems.length > 0) throw new RuntimeError(code, formatProblems(problems, name));
  for (const { path, reason } of notes) {
    log.debug(`${path}: ${reason}`, "runtime/container/whole_document.ts accept");
  }
  for (const { reason } of warnings) log.warnLater(reason, "runtime/container/whole_document.ts accept");
  return document;
}
