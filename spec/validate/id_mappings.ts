/**
 * Rules of id mappings: user_namespaces(7).
 *
 * @module
 */
import { type Section, UINT32 } from "./section.ts";

/** Most entries that the kernel takes: UID_GID_MAP_MAX_EXTENTS of linux/user_namespace.h. */
const ENTRIES_MAX = 340;

/** A range of ids, inside and outside. */
export interface IdRange {
  containerID: number;
  hostID: number;
  size: number;
}

/**
 * Reads a list of id mappings: complete ranges of 32-bit ids that do not overlap.
 *
 * @returns The ranges that are complete.
 */
export function checkIdMappings(section: Section, key: string): IdRange[] {
  const ranges: IdRange[] = [];
  const entries = section.objects(key);
  if (entries.length > ENTRIES_MAX) {
    section.fail(key, `has ${entries.length} entries, the kernel takes ${ENTRIES_MAX}`);
  }
  for (const entry of entries) {
    entry.need("containerID", "hostID", "size");
    const containerID = entry.integer("containerID", 0, UINT32);
    const hostID = entry.integer("hostID", 0, UINT32);
    const size = entry.integer("size", 1, UINT32);
    if (containerID === undefined || hostID === undefined || size === undefined) continue;
    if (Math.max(containerID, hostID) + size > UINT32) {
      entry.fail("size", "the range ends above the highest id");
    }
    ranges.push({ containerID, hostID, size });
  }
  if (overlaps(ranges, "containerID") || overlaps(ranges, "hostID")) section.fail(key, "ranges overlap");
  return ranges;
}

/** Whether one of the ranges has this id inside. */
export function isMapped(ranges: readonly IdRange[], id: number): boolean {
  return ranges.some((it) => id >= it.containerID && id - it.containerID < it.size);
}

function overlaps(ranges: readonly IdRange[], side: "containerID" | "hostID"): boolean {
  const sorted = ranges.toSorted((a, b) => a[side] - b[side]);
  return sorted.some((it, index) => index > 0 && sorted[index - 1][side] + sorted[index - 1].size > it[side]);
}
