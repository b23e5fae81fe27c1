/**
 * Rules of id mappings: user_namespaces(7).
 *
 * @module
 */
import type { LinuxIDMapping, Spec } from "../types.ts";
import { fixNamespace, type Namespaces } from "./namespaces.ts";
import { type Partly, quote, type Report } from "./report.ts";

/** Most entries that the kernel takes: UID_GID_MAP_MAX_EXTENTS of linux/user_namespace.h. */
const ENTRIES_MAX = 340;

/** Largest unsigned 32-bit integer. */
const UINT32 = 0xffff_ffff;

/** A mapping whose numbers all have their shape. */
type Complete = Readonly<LinuxIDMapping>;

function isComplete(range: Partly<LinuxIDMapping>): range is Complete {
  return range.containerID !== undefined && range.hostID !== undefined && range.size !== undefined;
}

/** Ranges of 32-bit ids that do not overlap. */
export function checkIdMappings(ranges: Partly<LinuxIDMapping>[], path: string, report: Report): void {
  if (ranges.length > ENTRIES_MAX) {
    report(path, `has ${ranges.length} entries, the kernel takes ${ENTRIES_MAX}`);
  }
  for (let index = 0; index < ranges.length; index++) {
    const range = ranges[index];
    if (isComplete(range) && Math.max(range.containerID, range.hostID) + range.size > UINT32) {
      report(`${path}[${index}].size`, "the range ends above the highest id");
    }
  }
  const complete = ranges.filter(isComplete);
  if (overlaps(complete, "containerID") || overlaps(complete, "hostID")) report(path, "ranges overlap");
}

function overlaps(ranges: readonly Complete[], side: "containerID" | "hostID"): boolean {
  const sorted = ranges.toSorted((a, b) => a[side] - b[side]);
  return sorted.some((it, index) => index > 0 && sorted[index - 1][side] + sorted[index - 1].size > it[side]);
}

/**
 * Id mappings need a user namespace. A new user namespace needs id mappings that cover root and all ids that
 * are used.
 */
export function checkUserNamespace(config: Partly<Spec>, namespaces: Namespaces, report: Report): void {
  const { linux = {} } = config, { uidMappings: uids, gidMappings: gids } = linux;
  if (uids) checkIdMappings(uids, "linux.uidMappings", report);
  if (gids) checkIdMappings(gids, "linux.gidMappings", report);
  if (namespaces.user === undefined) {
    if (!uids?.length && !gids?.length) return;
    report(
      uids?.length ? "linux.uidMappings" : "linux.gidMappings",
      "user namespace mappings specified, but user namespace isn't enabled in the config",
      fixNamespace("user"),
    );
  } else if (namespaces.user === "") {
    if (uids?.length || gids?.length) {
      checkMapped(config, "uid", uids, report);
      checkMapped(config, "gid", gids, report);
    } else {
      report(
        "linux.uidMappings",
        "user namespaces enabled, but no namespace path to join nor mappings to apply specified",
      );
    }
  }
}

/** The mappings must cover root, the ids of the process, and the ids in options of tmpfs and devpts. */
function checkMapped(
  { process, mounts = [] }: Partly<Spec>,
  kind: "uid" | "gid",
  given: Partly<LinuxIDMapping>[] = [],
  report: Report,
): void {
  const path = `linux.${kind}Mappings`, ranges = given.filter(isComplete);
  if (given.length === 0) report(path, `user namespaces enabled, but no ${kind} mappings found`);
  if (ranges.length === 0) return;
  const isMapped = (id: number) => ranges.some((it) => id >= it.containerID && id - it.containerID < it.size);
  if (!isMapped(0)) report(path, `user namespaces enabled, but no mapping found for ${kind} 0`);
  const more = kind === "gid" ? process?.user?.additionalGids ?? [] : [];
  for (const id of [process?.user?.[kind] ?? 0, ...more]) {
    if (id === 0 || isMapped(id)) continue;
    report(path, `cannot set${kind} to unmapped ${kind} ${id} in user namespace`, `of process.user`);
  }
  for (let index = 0; index < mounts.length; index++) {
    for (const option of mounts[index].options ?? []) {
      // For an id that is not mapped the kernel answers only EINVAL.
      const id = option.startsWith(`${kind}=`) ? option.slice(4) : "";
      if (!/^\d+$/.test(id) || isMapped(Number(id))) continue;
      report(`mounts[${index}].options`, `${quote(option)}: ${id} is not mapped in ${path}`);
    }
  }
}
