/**
 * System call filters: turns `linux.seccomp` into a program for the init stage to load.
 * @module
 */

import type { LocalKernel } from "../../../ffi/local.ts";
import { libseccompRelease } from "../../../ffi/libseccomp.ts";
import { locateLibseccomp } from "../../../ffi/libseccomp_file.ts";
import type { ProcessContext } from "../../../init/process_steps.ts";
import type { LinuxSeccomp } from "../../../spec/linux.ts";
import { SECCOMP_FILTER_FLAG_NEW_LISTENER } from "../../../spec/seccomp.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { readCache, writeCache } from "./cache.ts";
import { compileProfile } from "./compile.ts";
import type { CreateFeature, ExecFeature, Request } from "../feature.ts";
import { build } from "../../host/build_info.ts";
import { callerIsRoot, callerVariable, kernelRelease } from "../../host/caller.ts";
import type { DebugSink } from "../../host/log.ts";

/** A filter ready to be loaded by seccomp(2) with SECCOMP_SET_MODE_FILTER. */
export interface SeccompProgram {
  /** struct sock_filter[], in native byte order. */
  program: Uint8Array;
  /** SECCOMP_FILTER_FLAG_*; NEW_LISTENER is set exactly when `listener` is. */
  flags: number;
  /** Whether a rule notifies. seccomp(2) then returns a descriptor, which goes to `listenerPath`. */
  listener: boolean;
}

/**
 * Compiled filters of root's containers. The directory is beside the default state root, and the same for
 * every `--root`.
 */
export const SECCOMP_CACHE = "/run/tsrun-cache";

/** The directory of this user's compiled filters, beside the default state root. */
export function seccompCache(): string {
  const own = callerIsRoot() ? undefined : callerVariable("XDG_RUNTIME_DIR");
  return own ? `${own}/tsrun-cache` : SECCOMP_CACHE;
}

/** The filter is compiled while the init works, because compiling a new filter takes a while. */
export function forCreate({ k, spec, debug }: Request): CreateFeature & ExecFeature {
  const compile = () => compileSeccomp(k, spec.linux!.seccomp!, seccompCache(), debug);
  return { steps: () => ({ filter: (process: ProcessContext) => void (process.filter = compile()) }) };
}

/** All processes of a container have the same filter. */
export const forExec = forCreate;

/** Raise this number when the cache's files change their form. */
const CACHE_FORMAT = 1;

/**
 * Compiles a profile, or takes it from the cache. With the cache, neither libseccomp nor the kernel is asked.
 *
 * @param profile `linux.seccomp` of the config.
 * @param cacheDir Directory of the cache, made with mode 0700 where it is missing. Its parent has to be safe.
 * @param debug Takes lines for `--debug`.
 * @returns null when there is nothing to load: no default action and no rules.
 * @throws {RuntimeError} For a profile that is wrong, or that libseccomp or the kernel does not support.
 */
export function compileSeccomp(
  k: LocalKernel,
  profile: LinuxSeccomp,
  cacheDir: string,
  debug: DebugSink = () => {},
): SeccompProgram | null {
  if (!profile.defaultAction && !profile.syscalls?.length) return null;
  const key = cacheKey(profile);
  let filter = key === null ? null : readCache(k, cacheDir, key, debug);
  if (filter === null) {
    filter = compileProfile(profile, debug, () => k.interruption?.check());
    if (key !== null) writeCache(k, cacheDir, key, filter, debug);
  }
  debug(`seccomp filter flags: ${filter.flags}`, "runtime/features/seccomp/mod.ts compileSeccomp");
  const listener = (filter.flags & SECCOMP_FILTER_FLAG_NEW_LISTENER) !== 0;
  checkListener(profile, listener);
  return { ...filter, listener };
}

/** A rule that notifies needs an agent, and data without an agent is a mistake (runtime-spec). */
function checkListener(profile: LinuxSeccomp, listener: boolean): void {
  if (profile.listenerPath) return;
  if (listener) throw new RuntimeError("EINVAL_SECCOMP", "seccomp listenerPath is not set");
  if (profile.listenerMetadata) {
    throw new RuntimeError("EINVAL_SECCOMP", "seccomp listenerMetadata is set, but listenerPath is not");
  }
}

/**
 * Everything that the compiled filter depends on, in one line; null where the library's build is unknown.
 *
 * The kernel's release is part of it, because it decides which actions and flags the kernel knows.
 */
function cacheKey(profile: LinuxSeccomp): string | null {
  const library = locateLibseccomp();
  if (library === null) return null;
  // The program does not depend on the agent.
  const rules = { ...profile, listenerPath: undefined, listenerMetadata: undefined };
  const facts = [
    CACHE_FORMAT,
    build.version,
    build.commit,
    Deno.build.arch,
    kernelRelease(),
    library.path,
    library.identity,
  ];
  try {
    return JSON.stringify([...facts, rules]);
  } catch {
    // A 64-bit value. A replacer costs a call for every item, so it is used only where necessary.
    return JSON.stringify([...facts, rules], (_, value) => typeof value === "bigint" ? `${value}n` : value);
  }
}

/** Release of the installed libseccomp, such as `2.5.4`; empty where there is none. */
export function libseccompVersion(): string {
  return libseccompRelease();
}
