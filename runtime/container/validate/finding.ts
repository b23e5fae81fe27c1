/**
 * What `tsrun validate` finds in a config.
 * @module
 */

import type { Problem } from "../../../spec/validate/problem.ts";
import { sectionOf } from "../../../spec/validate/sections.ts";
import { valueAt } from "../../../spec/validate/value_at.ts";

/**
 * `error`: the config breaks a rule, on every host. `host`: this host lacks something. `warning`: the
 * container is made, but maybe not the one that was meant.
 */
export type FindingKind = "error" | "host" | "warning";

/** One finding. */
export interface Finding {
  kind: FindingKind;
  /** Whether `create` refuses the config for it. Without it, it goes on and leaves something out. */
  refused: boolean;
  /** JSON path such as `process.args[0]`, empty for the document as a whole. */
  path: string;
  /** The value there; absent where there is none. */
  value?: unknown;
  /** What is wrong. */
  rule: string;
  /** What to do about it. */
  fix?: string;
  /** Page and anchor of the runtime specification. */
  section: string;
}

/** Takes a problem of the host. `dropped`: create goes on without what is asked for. */
export type HostReport = (path: string, rule: string, fix?: string, verdict?: "dropped") => void;

/** The finding for a problem. @param document The document as it was read. */
export function findingOf(
  kind: FindingKind,
  { path, reason, fix }: Problem,
  document: unknown,
  refused = kind !== "warning",
): Finding {
  const value = path === "" ? undefined : valueAt(document, path);
  const remedy = fix ?? remedyOf(reason, value === undefined);
  return {
    kind,
    refused,
    path,
    ...value !== undefined && { value },
    rule: reason,
    ...remedy !== undefined && { fix: remedy },
    section: sectionOf(path),
  };
}

/** Remedies for rules whose own words, which create prints as well, have none. */
const REMEDIES: readonly [RegExp, string][] = [
  [/^must be (.+), not /, "write $1"],
  [/overlap/, "give each range ids of its own"],
  [/absolute path/, 'begin it with "/"'],
  [/NUL byte|null byte|nul byte/i, "remove the NUL byte"],
  [/given twice|duplicated|limited twice/, "keep one of them"],
  [/longer than/, "shorten it"],
  [/ends above the highest id/, "make the range smaller"],
  [/not in the permitted set/, "add them to process.capabilities.permitted"],
  [/can't raise ambient/, "add it to the permitted and to the inheritable set"],
  [/ignoring unknown/, "remove them, or correct their names"],
  [/ignoring|are ignored|: ignored|has its own mappings/, "remove it"],
  [/is not absolute/, 'begin it with "/"'],
  [/inside \/proc|top of rootfs/, "mount it elsewhere"],
  [/missing '='/, "write NAME=value"],
];

function remedyOf(rule: string, absent: boolean): string | undefined {
  for (const [pattern, remedy] of REMEDIES) {
    const found = pattern.exec(rule);
    if (found) return remedy.replace("$1", found[1] ?? "");
  }
  if (absent && /required|specified|must not be empty|has no|not set/.test(rule)) return "add it";
  return undefined;
}
