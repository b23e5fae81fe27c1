/**
 * Id mappings that this user may not have: newuidmap(1), subuid(5).
 * @module
 */

import type { Partly } from "../../../../spec/rules/report.ts";
import type { LinuxIDMapping } from "../../../../spec/types.ts";
import { mapperPath, subordinateRanges } from "../../../features/user_namespace/subordinate_ids.ts";
import type { HostReport } from "../finding.ts";
import { asksFor, type Question, withPaths } from "./check.ts";

/** Root may map all ids; a user its own one, and those that /etc/subuid and /etc/subgid grant. */
export function checkMappings({ spec, host }: Question, report: HostReport): void {
  if (host.uid === 0 || !asksFor(spec, "user")) return;
  for (const kind of ["uid", "gid"] as const) {
    const path = `linux.${kind}Mappings`, ranges = spec.linux?.[`${kind}Mappings`] ?? [];
    const own = host[kind];
    if (ranges.length === 0 || isOwn(ranges, own)) continue;
    if (mapperPath(host, `new${kind}map`) === undefined) {
      const rule = `without new${kind}map only one range of size 1 with your own id can be mapped`;
      report(path, rule, "apt install uidmap");
      continue;
    }
    const granted = [...subordinateRanges(host, kind), { first: own, count: 1 }];
    for (const [{ hostID = 0, size = 1 }, at] of withPaths(ranges, path)) {
      const allowed = granted.some(({ first, count }) => hostID >= first && hostID + size <= first + count);
      if (allowed) continue;
      const rule = `/etc/sub${kind} does not give you the ids ${hostID} to ${hostID + size - 1}`;
      report(at, rule, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER");
    }
  }
}

function isOwn(ranges: readonly Partly<LinuxIDMapping>[], id: number): boolean {
  return ranges.length === 1 && ranges[0].size === 1 && ranges[0].hostID === id;
}
