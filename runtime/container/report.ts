/**
 * A container as `state` and `list` show it: runc's fields, in runc's order.
 * @module
 */
import type { ContainerState } from "./record.ts";
import type { Status } from "../../spec/types.ts";

/** The printed form of a container. */
export interface Report {
  ociVersion: string;
  id: string;
  /** 0 when stopped. */
  pid: number;
  status: Status;
  bundle: string;
  rootfs: string;
  /** RFC 3339. */
  created: string;
  annotations?: Record<string, string>;
  /** Name of its creator. */
  owner: string;
  /** Exit status of its process, where it has stopped and the status is known. runc has no such field. */
  exitStatus?: number;
}

/**
 * Describes a container.
 *
 * @param owner Name for its owner, or empty.
 * @param exitStatus Of its process, where it is known.
 */
export function describe(
  state: ContainerState,
  status: Status,
  owner: string,
  exitStatus?: number,
): Report {
  return {
    ociVersion: state.ociVersion,
    id: state.id,
    pid: status === "stopped" ? 0 : state.pid,
    status,
    bundle: state.bundle,
    rootfs: state.rootfs,
    created: state.created,
    annotations: Object.keys(state.annotations).length > 0 ? state.annotations : undefined,
    owner,
    exitStatus,
  };
}

/**
 * Reads the users of this host.
 *
 * @param passwd Text of /etc/passwd: passwd(5).
 * @returns Names by user id. The first name of an id counts.
 */
export function userNames(passwd: string): Map<number, string> {
  const names = new Map<number, string>();
  for (const line of passwd.split("\n")) {
    const [name, , uid] = line.split(":");
    if (uid && !names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
