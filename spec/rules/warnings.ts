/**
 * Requests of a configuration that are dropped or deprecated without being an error, as far as usual
 * properties go.
 *
 * @module
 */
import { CAPABILITIES } from "../capabilities.ts";
import { lookup } from "../tables.ts";
import type { LinuxCapabilities, Spec } from "../types.ts";
import { type Partly, quote, type Report } from "./report.ts";

/** The five capability sets. */
const CAPABILITY_SETS = ["bounding", "effective", "inheritable", "permitted", "ambient"] as const;

/** Warns of every usual property that is not carried out as it is written. */
export function warnUsual({ process, mounts = [], linux = {} }: Partly<Spec>, warn: Report): void {
  warnCapabilities(process?.capabilities, "process.capabilities.", warn);
  for (let index = 0; index < mounts.length; index++) {
    const { destination } = mounts[index];
    if (destination === undefined || destination.startsWith("/")) continue;
    warn(
      `mounts[${index}].destination`,
      `mount destination ${destination} is not absolute, using it as relative to /`,
    );
  }
  if (!linux.uidMappings && !linux.gidMappings) return;
  const joined = linux.namespaces?.find(({ type, path }) => type === "user" && path);
  if (joined) {
    warn(
      linux.uidMappings ? "linux.uidMappings" : "linux.gidMappings",
      `the user namespace ${quote(joined.path!)} has its own mappings`,
    );
  }
}

/**
 * Capabilities that are unknown or cannot be granted. The specification asks for a warning.
 *
 * @param path Path of the five sets with a dot.
 */
export function warnCapabilities(
  sets: Partly<LinuxCapabilities> | undefined,
  path: string,
  warn: Report,
): void {
  if (sets === undefined) return;
  const { effective = [], permitted = [], inheritable = [], ambient = [] } = sets;
  const unknown: string[] = [];
  let where = "";
  for (const set of CAPABILITY_SETS) {
    for (const name of sets[set] ?? []) {
      if (lookup(CAPABILITIES, name) !== undefined || unknown.includes(name)) continue;
      unknown.push(name);
      where ||= set;
    }
  }
  if (unknown.length > 0) {
    warn(path + where, `ignoring unknown or unavailable capabilities: [${unknown.join(" ")}]`);
  }
  const lost = effective.filter((name) => !permitted.includes(name) && !unknown.includes(name));
  if (lost.length > 0) {
    warn(`${path}effective`, `not in the permitted set, so they cannot be granted: [${lost.join(" ")}]`);
  }
  for (const name of ambient) {
    if (unknown.includes(name) || permitted.includes(name) && inheritable.includes(name)) continue;
    warn(`${path}ambient`, `can't raise ambient capability ${name}: operation not permitted`);
  }
}
