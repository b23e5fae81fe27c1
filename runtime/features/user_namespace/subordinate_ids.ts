/**
 * The ids that a user may give to a user namespace besides its own: subuid(5), subgid(5), newuidmap(1).
 * @module
 */

import { ID_MAP_TOOL_DIRECTORIES } from "./id_map_tool_places.ts";
import type { HostView } from "../../host/view.ts";

/** Ids that are granted to a user. */
export interface IdRange {
  first: number;
  count: number;
}

/** The path of newuidmap(1) or newgidmap(1); undefined if it is not installed. */
export function mapperPath(host: HostView, name: "newuidmap" | "newgidmap"): string | undefined {
  return ID_MAP_TOOL_DIRECTORIES.map((directory) => `${directory}/${name}`).find((path) =>
    host.kind(path) === "program"
  );
}

/** The name of a user in /etc/passwd. */
export function userName(host: HostView, uid = host.uid): string | undefined {
  const lines = host.read("/etc/passwd")?.split("\n") ?? [];
  return lines.map((line) => line.split(":")).find((fields) => fields[2] === String(uid))?.[0];
}

/** The ranges that /etc/subuid or /etc/subgid grants to the caller, by name or by number. */
export function subordinateRanges(host: HostView, kind: "uid" | "gid"): IdRange[] {
  const names = [userName(host), String(host.uid)];
  return (host.read(`/etc/sub${kind}`) ?? "").split("\n").flatMap((line) => {
    const [name, first, count] = line.trim().split(":");
    return names.includes(name) && /^\d+$/.test(first) && /^\d+$/.test(count)
      ? [{ first: Number(first), count: Number(count) }]
      : [];
  });
}
