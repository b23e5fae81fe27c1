/**
 * What tsrun remembers of a container, and what state that means it is in.
 *
 *     <root>/<id>/state.json    this record, written whole or not at all
 *     <root>/<id>/config.json   the bundle's config as it was at create
 *     <root>/<id>/exec.fifo     there as long as the container is created but not started
 * @module
 */
import type { State, Status } from "../../spec/types.ts";
import type { CgroupRecord } from "../cgroups/driver.ts";
import type { ResctrlRecord } from "../cgroups/resctrl/group.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { isPaused } from "../cgroups/frozen.ts";

/** The record in `state.json`. */
export interface ContainerState {
  /** Of this format. */
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
  /** User id of who created it. */
  owner: number;
  /** The init's pid as the host sees it, 0 until there is one. */
  pid: number;
  /** Field 22 of /proc/<pid>/stat, empty until there is one. Together with the pid it names one process. */
  startTime: string;
  /** Its init is the first process of a new PID namespace: all its processes end with it. */
  pidNamespace: boolean;
  cgroup: CgroupRecord | null;
  /** False as long as the cgroup may be somebody else's: it was recorded, but not yet seen to be free. */
  cgroupClaimed: boolean;
  /** It was made to have no session keyring of its own (`--no-new-keyring`), so its processes join none. */
  noNewKeyring: boolean;
  /** Its group in resctrl, where the config asks for one. */
  resctrl?: ResctrlRecord;
  annotations: Record<string, string>;
}

export type { Status };

/** Directory of a container. @param root Absolute. @param id Checked before by {@linkcode validateId}. */
export function containerDir(root: string, id: string): string {
  return `${root}/${id}`;
}

/**
 * Refuses ids that are no plain file names: letters, digits, `_`, `+`, `-` and `.`, but not `.` or `..`.
 *
 * @throws {RuntimeError} in runc's words.
 */
export function validateId(id: string): void {
  if (id === "") throw new RuntimeError("container id cannot be empty");
  if (!/^[\w+.-]+$/.test(id) || id === "." || id === "..") {
    throw new RuntimeError("invalid container ID format");
  }
}

/** The present time for {@linkcode ContainerState.created}: RFC 3339 with nanoseconds (the last three always 0). */
export function timestamp(): string {
  const now = performance.timeOrigin + performance.now();
  const micros = Math.floor((now % 1) * 1000);
  return `${new Date(now).toISOString().slice(0, 23)}${String(micros).padStart(3, "0")}000Z`;
}

/**
 * Makes the directory of a new container, and the root where it is missing (mode 0700).
 *
 * @throws {RuntimeError} `container with given ID already exists`, `invalid container ID format`, or why it
 * cannot be made.
 */
export function createStateDir(root: string, id: string): void {
  validateId(id);
  ensureRoot(root);
  const directory = containerDir(root, id);
  try {
    Deno.mkdirSync(directory, { mode: 0o711 });
    // The mode is a promise, whatever the caller's umask.
    Deno.chmodSync(directory, 0o711);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new RuntimeError("container with given ID already exists");
    }
    throw new RuntimeError(`mkdir ${directory}: ${reasonOf(error)}`);
  }
}

function ensureRoot(root: string): void {
  try {
    // Only whether it is there: the first Deno.statSync takes 0.4 ms, this 0.03.
    Deno.realPathSync(root);
    return;
  } catch { /* made below */ }
  try {
    Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
    // Clean-up of $XDG_RUNTIME_DIR spares what has the sticky bit (XDG base directory specification).
    if (Deno.uid() !== 0) Deno.chmodSync(root, 0o1700);
  } catch (error) {
    const hint = Deno.uid() === 0 ? "" : " (set XDG_RUNTIME_DIR, or give another --root)";
    throw new RuntimeError(`mkdir ${root}: ${reasonOf(error)}${hint}`);
  }
}

/** Removes a container's directory with all in it; fine when it is not there. */
export function removeStateDir(root: string, id: string): void {
  validateId(id);
  const directory = containerDir(root, id);
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new RuntimeError(`remove ${directory}: ${reasonOf(error)}`);
  }
}

/**
 * Removes the directory of a create that was killed before it wrote a record: if there is such a directory, and
 * nothing in it but what a create makes, so that a `--root` given by mistake costs nobody his files.
 */
export function removeUnrecorded(root: string, id: string): void {
  validateId(id);
  const directory = containerDir(root, id);
  try {
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    if (names.every((name) => /^(config\.json|exec\.fifo|state\.json\.\d+)$/.test(name))) {
      removeStateDir(root, id);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new RuntimeError(`read ${directory}: ${reasonOf(error)}`);
    }
  }
}

/** Writes `state.json` whole: a reader sees the old record or the new one. */
export function writeState(root: string, state: ContainerState): void {
  const path = `${containerDir(root, state.id)}/state.json`;
  const temporary = `${path}.${Deno.pid}`;
  try {
    Deno.writeTextFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    throw new RuntimeError(`write ${path}: ${reasonOf(error)}`);
  }
}

/**
 * Reads a container's record.
 *
 * @throws {RuntimeError} `container does not exist`, or which file is damaged and how.
 */
export function readState(root: string, id: string): ContainerState {
  validateId(id);
  const path = `${containerDir(root, id)}/state.json`;
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new MissingContainerError();
    throw new RuntimeError(`read ${path}: ${reasonOf(error)}`);
  }
  return parseState(text, path, id);
}

/** Checks what the other commands rely on, so that a damaged file is named here and nowhere else. */
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

/** The first thing that is wrong with a record. */
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
  const { cgroup, resctrl } = value;
  if (resctrl !== undefined && !(isObject(resctrl) && typeof resctrl.clos === "string")) {
    return "resctrl does not name a group";
  }
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

/** There is no container of that id. */
export class MissingContainerError extends RuntimeError {
  override name = "MissingContainerError";
  constructor() {
    super("container does not exist");
  }
}

/** A `state.json` that cannot be used: `delete --force` goes on without it, `list` skips it. */
export class CorruptStateError extends RuntimeError {
  override name = "CorruptStateError";
  constructor(path: string, reason: string) {
    super(`corrupt state file ${path}: ${reason}`);
  }
}

/** Ids of all containers of a root in order of name; none when the root is missing. Their records may be damaged. */
export function listIds(root: string): string[] {
  const ids: string[] = [];
  try {
    for (const entry of Deno.readDirSync(root)) if (entry.isDirectory) ids.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new RuntimeError(`read ${root}: ${reasonOf(error)}`);
  }
  return ids.sort();
}

/** What /proc says of a process. */
export interface ProcessState {
  /** Field 3 of /proc/<pid>/stat: `R`, `S`, `Z` for a zombie, ... */
  state: string;
  /** Field 22: clock ticks after boot at which it started. */
  startTime: string;
  /** Whether it ends: it has given its namespaces back by then, or is about to. */
  ending: boolean;
}

/** Of field 9: the process has begun to end (include/linux/sched.h). */
const PF_EXITING = 4;

/** Looks a process up: proc_pid_stat(5). Undefined when there is none. */
export function processState(pid: number): ProcessState | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch {
    return undefined;
  }
  // Field 2 is the command in parentheses, which may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0], startTime: fields[19], ending: (Number(fields[6]) & PF_EXITING) !== 0 };
}

/** Field 22 of /proc/<pid>/stat, undefined when there is no such process. */
export function startTimeOf(pid: number): string | undefined {
  return processState(pid)?.startTime;
}

/** Whether the container's init lives: the pid is in use, by the very process that was recorded, and that is no zombie. */
export function initAlive(state: ContainerState): boolean {
  return initState(state) !== undefined;
}

/** Whether the container's init has ended, or has begun to. */
export function initEnds(state: ContainerState): boolean {
  return initState(state)?.ending !== false;
}

function initState(state: ContainerState): ProcessState | undefined {
  if (state.pid === 0) return undefined;
  const process = processState(state.pid);
  const alive = process?.startTime === state.startTime && process.state !== "Z" && process.state !== "X";
  return alive ? process : undefined;
}

/**
 * What state a container is in now. Paused comes before created, as in runc: a frozen init cannot be started.
 *
 * @param root State root.
 * @param state Its record.
 */
export function statusOf(root: string, state: ContainerState): Status {
  if (state.pid === 0) return "creating";
  if (!initAlive(state)) return "stopped";
  if (isPaused(state.cgroup)) return "paused";
  return isStarted(root, state.id) ? "running" : "created";
}

function isStarted(root: string, id: string): boolean {
  try {
    // No link, so its path is its own; the first Deno.lstatSync takes 0.4 ms, this 0.03.
    Deno.realPathSync(`${containerDir(root, id)}/exec.fifo`);
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw new RuntimeError(`stat ${containerDir(root, id)}/exec.fifo: ${reasonOf(error)}`);
  }
}

/**
 * The state as the runtime-spec defines it, for hooks (section "State" of runtime.md).
 *
 * @param status As hooks are to see it; `paused` has no word in the spec and is passed on as runc does.
 */
export function ociState(state: ContainerState, status: Status): State {
  const result: State = {
    ociVersion: state.ociVersion,
    id: state.id,
    status,
    pid: status === "stopped" ? 0 : state.pid,
    bundle: state.bundle,
  };
  if (Object.keys(state.annotations).length > 0) result.annotations = state.annotations;
  return result;
}
