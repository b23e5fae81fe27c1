/**
 * Whether the CRIU that there is can do what is asked of it.
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { Arena } from "../../../init/executor.ts";
import { Criu } from "./criu.ts";
import { type CriuFeatures, type CriuRequest, type CriuResponse, REQUEST, versionNumber } from "./rpc.ts";

/** Versions of CRIU that brought something, see {@linkcode versionNumber}. */
export const SINCE = {
  /** The question for its version. */
  versionRequest: 30000,
  externalNetwork: 31100,
  freezerV2: 31400,
  externalPid: 31500,
  /** It tells by a notification that pages can be asked for. */
  statusReady: 31500,
  lsmProfile: 31600,
} as const;

/** Asks one question that needs no container. */
function ask(k: LocalKernel, path: string, request: CriuRequest): CriuResponse {
  using arena = new Arena(k, 0);
  using criu = new Criu(k, arena, path);
  const response = criu.request(request);
  criu.ended();
  return response;
}

/**
 * The version of a CRIU.
 *
 * @throws {RuntimeError} When it is too old, or is none.
 */
export function criuVersion(k: LocalKernel, path: string): number {
  const { success, version } = ask(k, path, { type: REQUEST.VERSION });
  if (!success || version === undefined) throw new RuntimeError(`CRIU version check failed: ${path}`);
  const number = versionNumber(version);
  requireVersion(number, SINCE.versionRequest);
  return number;
}

/** @throws {RuntimeError} In runc's words, with `what` in front of them where it is given. */
export function requireVersion(version: number, minimum: number, what?: string): void {
  if (version >= minimum) return;
  const reason = `CRIU version ${version} must be ${minimum} or higher`;
  throw new RuntimeError(what === undefined ? reason : `${what}: ${reason}`);
}

/** What runc calls the features. */
const NAMES: Readonly<Record<keyof CriuFeatures, string>> = {
  mem_track: "MemTrack",
  lazy_pages: "LazyPages",
};

/**
 * Checks features of the kernel, as CRIU finds them.
 *
 * @throws {RuntimeError} `criu is missing features: [MemTrack]`
 */
export function requireFeatures(k: LocalKernel, path: string, wanted: readonly (keyof CriuFeatures)[]): void {
  const features = Object.fromEntries(wanted.map((name) => [name, true]));
  const { success, features: found = {} } = ask(k, path, { type: REQUEST.FEATURE_CHECK, features });
  if (!success) throw new RuntimeError("CRIU feature check failed");
  const missing = wanted.filter((name) => found[name] !== true);
  if (missing.length === 0) return;
  throw new RuntimeError(`criu is missing features: [${missing.map((name) => NAMES[name]).join(" ")}]`);
}
