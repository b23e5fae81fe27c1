/**
 * Checks whether the installed CRIU can do what is asked of it.
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { Arena } from "../../../init/executor.ts";
import { Criu } from "./criu.ts";
import { type CriuFeatures, type CriuRequest, type CriuResponse, REQUEST, versionNumber } from "./rpc.ts";

/** The first versions of CRIU with a feature, see {@linkcode versionNumber}. */
export const SINCE = {
  /** A request for the version. */
  versionRequest: 30000,
  externalNetwork: 31100,
  freezerV2: 31400,
  externalPid: 31500,
  /** A notification when pages can be asked for. */
  statusReady: 31500,
  lsmProfile: 31600,
} as const;

/** Asks CRIU something that needs no container. */
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
 * @throws {RuntimeError} If it is too old, or not CRIU at all.
 */
export function criuVersion(k: LocalKernel, path: string): number {
  const { success, version } = ask(k, path, { type: REQUEST.VERSION });
  if (!success || version === undefined) {
    throw new RuntimeError("ENOTSUP_CRIU", `CRIU version check failed: ${path}`);
  }
  const number = versionNumber(version);
  requireVersion(number, SINCE.versionRequest);
  return number;
}

/** @throws {RuntimeError} In runc's words, after `what` if it is given. */
export function requireVersion(version: number, minimum: number, what?: string): void {
  if (version >= minimum) return;
  const reason = `CRIU version ${version} must be ${minimum} or higher`;
  throw new RuntimeError("EIO_CRIU", what === undefined ? reason : `${what}: ${reason}`);
}

/** runc's names of the features. */
const NAMES: Readonly<Record<keyof CriuFeatures, string>> = {
  mem_track: "MemTrack",
  lazy_pages: "LazyPages",
};

/**
 * Checks features of the kernel, as far as CRIU finds them.
 *
 * @throws {RuntimeError} `criu is missing features: [MemTrack]`
 */
export function requireFeatures(k: LocalKernel, path: string, wanted: readonly (keyof CriuFeatures)[]): void {
  const features = Object.fromEntries(wanted.map((name) => [name, true]));
  const { success, features: found = {} } = ask(k, path, { type: REQUEST.FEATURE_CHECK, features });
  if (!success) throw new RuntimeError("ENOTSUP_CRIU", "CRIU feature check failed");
  const missing = wanted.filter((name) => found[name] !== true);
  if (missing.length === 0) return;
  throw new RuntimeError(
    "ENOTSUP_CRIU",
    `criu is missing features: [${missing.map((name) => NAMES[name]).join(" ")}]`,
  );
}
