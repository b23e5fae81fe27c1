/**
 * Id maps of user namespaces: their form, and how they are written.
 *
 *     root of the host        writes /proc/PID/uid_map and gid_map
 *     a user, for itself      writes one line that maps its own id, after having denied setgroups(2) for good
 *     a user, for more ids    newuidmap(1) and newgidmap(1) write what /etc/subuid and /etc/subgid grant
 *
 * Sources: user_namespaces(7), newuidmap(1), newgidmap(1), subuid(5).
 * @module
 */

import { AT_FDCWD, O_WRONLY } from "../../ffi/constants.ts";
import { EINVAL, EPERM } from "../../ffi/errno.ts";
import { OperationError } from "../../ffi/kernel.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { LinuxIDMapping } from "../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";

/** The ids of a user namespace. */
export interface IdMaps {
  uids: readonly LinuxIDMapping[];
  gids: readonly LinuxIDMapping[];
}

/** A user who writes maps. */
export interface MapWriter {
  uid: number;
  gid: number;
  /** Writes a map that the user may not write: by newuidmap(1) or newgidmap(1). */
  tool: (kind: "uid" | "gid", pid: number, ranges: readonly LinuxIDMapping[]) => void;
}

/** The text of a map, with a line for each range. */
export function mapText(ranges: readonly LinuxIDMapping[]): string {
  return ranges.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

/** The ranges of a map's text, as the kernel prints it. */
export function parseMap(text: string): LinuxIDMapping[] {
  return text.trim().split("\n").filter((line) => line !== "").map((line) => {
    const [containerID, hostID, size] = line.trim().split(/\s+/).map(Number);
    return { containerID, hostID, size };
  });
}

/** Whether two maps are equal, in any order. */
export function sameMap(a: readonly LinuxIDMapping[], b: readonly LinuxIDMapping[]): boolean {
  const sorted = (map: readonly LinuxIDMapping[]) =>
    mapText(map.toSorted((x, y) => x.containerID - y.containerID));
  return sorted(a) === sorted(b);
}

/** The id outside for an id of the namespace; undefined where it is not mapped. */
export function hostIdOf(ranges: readonly LinuxIDMapping[], id: number): number | undefined {
  const range = ranges.find((it) => id >= it.containerID && id - it.containerID < it.size);
  return range && range.hostID + id - range.containerID;
}

/**
 * Writes the maps of a process's new user namespace, with root's rights.
 *
 * @param pid A process in the namespace, which is a child or a descendant of this one.
 * @returns Whether setgroups(2) is denied there from now on.
 * @throws {RuntimeError} with the map and what the caller lacks.
 */
export function writeIdMaps(k: LocalKernel, pid: number, { uids, gids }: IdMaps): boolean {
  writeMap(k, pid, "uid_map", mapText(uids));
  writeMap(k, pid, "gid_map", mapText(gids));
  return deniesGroups(pid);
}

/** Does the same as {@linkcode writeIdMaps} for a user without root's rights. */
export function writeIdMapsAsUser(
  k: LocalKernel,
  pid: number,
  { uids, gids }: IdMaps,
  writer: MapWriter,
): boolean {
  if (isOwn(uids, writer.uid)) writeMap(k, pid, "uid_map", mapText(uids));
  else writer.tool("uid", pid, uids);
  if (!isOwn(gids, writer.gid)) {
    writer.tool("gid", pid, gids);
    return deniesGroups(pid);
  }
  // Without it, a group that is denied something by a file's mode could be left.
  writeMap(k, pid, "setgroups", "deny");
  writeMap(k, pid, "gid_map", mapText(gids));
  return true;
}

/** Whether setgroups(2) is denied in a process's user namespace: if it was in the one above, it is. */
export function deniesGroups(pid: number): boolean {
  return Deno.readTextFileSync(`/proc/${pid}/setgroups`).startsWith("deny");
}

/** The one map that a user may write without being granted anything. */
function isOwn(ranges: readonly LinuxIDMapping[], id: number): boolean {
  return ranges.length === 1 && ranges[0].size === 1 && ranges[0].hostID === id;
}

/** Characters of a map that a message shows, and bytes of a page: user_namespaces(7). */
const SHOWN = 200, PAGE = 4096;

function writeMap(k: LocalKernel, pid: number, name: string, text: string): void {
  const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text.trimEnd();
  const doing = `write ${JSON.stringify(shown)} to /proc/${pid}/${name}`;
  try {
    k.writeFile(AT_FDCWD, `/proc/${pid}/${name}`, text, O_WRONLY, 0, { doing });
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    if (error.errno === EINVAL && text.length >= PAGE) {
      throw new RuntimeError(
        "EINVAL_ID_MAPPINGS",
        `${doing}: ${error.reason} (${text.length} bytes: the kernel takes less than a page, ${PAGE})`,
      );
    }
    if (error.errno !== EPERM) throw error;
    throw new RuntimeError(
      "EPERM_ID_MAP",
      `${reasonOf(error)} (are all these host ids mapped, and yours to give?)`,
    );
  }
}
