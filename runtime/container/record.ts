/**
 * The record of a container, in `<root>/<id>/state.json`.
 * @module
 */
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { CgroupRecord, ResctrlRecord } from "../cgroups/mod.ts";
import { readSmallFile, RECORD_MAX, UnreadableFileError } from "../host/small_file.ts";
import { containerDir, validateId } from "./id.ts";
import { utcText } from "../host/utc.ts";
import { checkRootOnce } from "./state_dir.ts";

/** The record in `state.json`. */
export interface ContainerState {
  /** Version of this format. */
  version: 1;
  id: string;
  /** `ociVersion` of the config. */
  ociVersion: string;
  /** Absolute. */
  bundle: string;
  /** Absolute. */
  rootfs: string;
  /** RFC 3339, nanoseconds, UTC: see {@linkcode timestamp}. */
  created: string;
  /** User id of its creator. */
  owner: number;
  /** The init's pid as the host sees it; 0 until it exists. */
  pid: number;
  /** Field 22 of /proc/<pid>/stat, empty until the init exists. With the pid it names one process. */
  startTime: string;
  /** The init is the first process of a new PID namespace, so all its processes end with it. */
  pidNamespace: boolean;
  cgroup: CgroupRecord | null;
  /** False until the cgroup is known to be free. Before that, its processes may belong to something else. */
  cgroupClaimed: boolean;
  /** Made with `--no-new-keyring`: its processes join no session keyring. */
  noNewKeyring: boolean;
  /**
   * If the container has no mount namespace: id of the mount over its rootfs on which it mounts. See
   * features/root_mount.ts.
   */
  rootMount?: number;
  /** Its group in resctrl, where the config asks for one. */
  resctrl?: ResctrlRecord;
  /**
   * The standard streams that the init was given: the link in /proc for a pipe, "" for other streams. A
   * restore connects the pipes to the streams of its own caller.
   */
  stdio?: string[];
  annotations: Record<string, string>;
  /** Ids of the mounts that `mounts add` has made and `mounts remove` has not removed. */
  addedMounts?: number[];
  /**
   * The exit status of its process, 128 + n when signal n ended it. Absent while the process runs, and if no
   * command of tsrun has learned it.
   */
  exitStatus?: number;
}

/**
 * The present time for {@linkcode ContainerState.created}: RFC 3339 with nanoseconds (the last three always
 * 0).
 */
export function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  return `${utcText(Math.floor(now / 1000))}.${String(Math.floor((now % 1000) * 1000)).padStart(6, "0")}000Z`;
}

/** Writes `state.json` whole: a reader sees the old record or the new one. */
export function writeState(root: string, state: ContainerState): void {
  const path = `${containerDir(root, state.id)}/state.json`;
  const temporary = `${path}.${Deno.pid}`;
  try {
    Deno.writeTextFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw new RuntimeError("EIO_STATE", `write ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Reads a container's record.
 *
 * @throws {RuntimeError} `container does not exist`; or the damaged file and its fault; or that other users
 * can change the root.
 */
export function readState(root: string, id: string): ContainerState {
  validateId(id);
  checkRootOnce(root);
  const path = `${containerDir(root, id)}/state.json`;
  let text: string;
  try {
    text = readSmallFile(path, RECORD_MAX);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new MissingContainerError();
    if (error instanceof UnreadableFileError) throw new CorruptStateError(path, error.reason);
    throw new RuntimeError("EIO_STATE", `read ${path}: ${reasonOf(error)}`);
  }
  return parseState(text, path, id);
}

/** Checks every field that commands rely on, so that a damaged file is found here and nowhere else. */
function parseState(text: string, path: string, id: string): ContainerState {
  let value: Partial<Record<keyof ContainerState, unknown>> | null;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CorruptStateError(path, reasonOf(error));
  }
  if (!isObject(value)) throw new CorruptStateError(path, "not an object");
  const problem = findProblem(value, id);
  if (problem !== undefined) throw new CorruptStateError(path, problem);
  return value as unknown as ContainerState;
}

/** The first fault of a record. */
function findProblem(value: Partial<Record<keyof ContainerState, unknown>>, id: string): string | undefined {
  if (value.version !== 1) return `version is ${JSON.stringify(value.version)}, not 1`;
  if (value.id !== id) return `id is ${JSON.stringify(value.id)}, not "${id}"`;
  for (const field of ["ociVersion", "bundle", "rootfs", "created", "startTime"] as const) {
    if (typeof value[field] !== "string") return `${field} is not a string`;
  }
  for (const field of ["pid", "owner"] as const) {
    if (!Number.isInteger(value[field]) || value[field] as number < 0) {
      return `${field} is not a natural number`;
    }
  }
  if (typeof value.pidNamespace !== "boolean") return "pidNamespace is neither true nor false";
  if (!hasStrings(value.annotations)) return "annotations is not an object of strings";
  const { cgroup, resctrl, rootMount, exitStatus, addedMounts } = value;
  if (rootMount !== undefined && !Number.isInteger(rootMount)) return "rootMount is not a number";
  if (resctrl !== undefined && !(isObject(resctrl) && typeof resctrl.clos === "string")) {
    return "resctrl does not name a group";
  }
  if (value.stdio !== undefined && !(Array.isArray(value.stdio) && hasStrings(value.stdio))) {
    return "stdio is not a list of strings";
  }
  if (addedMounts !== undefined && !(Array.isArray(addedMounts) && addedMounts.every(Number.isInteger))) {
    return "addedMounts is not a list of numbers";
  }
  if (exitStatus !== undefined && !Number.isInteger(exitStatus)) return "exitStatus is not a number";
  if (cgroup === null) return undefined;
  if (!isObject(cgroup) || typeof cgroup.driver !== "string" || !hasStrings(cgroup.paths)) {
    return "cgroup does not name a driver and its paths";
  }
  return undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function hasStrings(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((item) => typeof item === "string");
}

/** There is no container with this id. */
export class MissingContainerError extends RuntimeError {
  override name = "MissingContainerError";
  constructor() {
    super("ENOENT_CONTAINER", "container does not exist");
  }
}

/** A damaged `state.json`. `delete --force` goes on without it, `list` skips it. */
export class CorruptStateError extends RuntimeError {
  override name = "CorruptStateError";
  constructor(path: string, reason: string) {
    super("EINVAL_STATE", `corrupt state file ${path}: ${reason}`);
  }
}
