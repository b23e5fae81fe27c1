/**
 * The limits that an update has changed, as a table for people.
 * @module
 */
import { printable } from "../../../ffi/printable.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { fitTable } from "./table.ts";
import { formatBytes } from "./units.ts";

/** Limits by their paths, such as `memory.limit`. A list is one limit. */
function limitsOf(resources: LinuxResources): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [group, limits] of Object.entries(resources)) {
    if (typeof limits !== "object" || limits === null || Array.isArray(limits)) {
      found.set(group, limits);
      continue;
    }
    for (const [name, value] of Object.entries(limits)) found.set(`${group}.${name}`, value);
  }
  return found;
}

/** A limit as people read it. */
function limitText(path: string, value: unknown): string {
  if (value === undefined || value === null) return "-";
  if (typeof value === "number" || typeof value === "bigint") {
    if (value < 0) return "none";
    return path.startsWith("memory.") && value !== 0 ? formatBytes(value) : `${value}`;
  }
  const text = typeof value === "string"
    ? value
    : JSON.stringify(value, (_, item) => typeof item === "bigint" ? `${item}` : item);
  return printable(text);
}

/**
 * The limits that differ, a row each.
 *
 * @param screen Columns of the terminal; undefined: nothing is cut.
 * @returns Empty when nothing differs.
 */
export function changesTable(before: LinuxResources, after: LinuxResources, screen?: number): string {
  const old = limitsOf(before), now = limitsOf(after);
  const rows = [...new Set([...old.keys(), ...now.keys()])]
    .map((path) => [path, limitText(path, old.get(path)), limitText(path, now.get(path))])
    .filter(([, was, is]) => was !== is);
  if (rows.length === 0) return "";
  return fitTable(
    [{ title: "LIMIT" }, { title: "BEFORE", cut: "end" }, { title: "NOW", cut: "end" }],
    rows,
    screen,
  );
}
