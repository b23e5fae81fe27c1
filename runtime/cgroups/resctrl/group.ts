/**
 * `linux.intelRdt`: the container's group in the kernel's resctrl file system, which divides caches and
 * memory bandwidth, and measures their use.
 *
 *     <mount>/<closID, or the container's id>/            class of service: `schemata` and `tasks`
 *     <mount>/<the same>/mon_groups/<container's id>/     MON group: what this container alone uses
 *     <mount>/info/                                       what the machine can do; `last_cmd_status`
 *
 * A class that a config names is shared: it is made where it is missing, and stays when the container is
 * removed. A class that is named after the container is removed with it, unless it existed before.
 *
 * Sources: runtime-spec config-linux.md "IntelRdt"; the kernel's Documentation/filesystems/resctrl.rst.
 * @module
 */
import { EEXIST, ENOENT, strerror } from "../../../ffi/errno.ts";
import type { LinuxIntelRdt } from "../../../spec/types.ts";
import { CgroupFileError, type CgroupFs, isGone } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { lockResctrl } from "./lock.ts";
import { differences, requestedLines } from "./schemata.ts";

/** The part of the state file about a container's group. */
export interface ResctrlRecord {
  /** Mount point of resctrl. */
  mount: string;
  /** Directory of the class of service, absolute. */
  clos: string;
  /** The class belongs to the container alone, and is removed with it. */
  made: boolean;
  /** Directory of the MON group, where there is one. */
  mon?: string;
}

/** The group of a container that is being created. */
export class ResctrlGroup {
  #entered = false;

  #record: ResctrlRecord;

  /**
   * @param record The planned record.
   * @param rdt The config's request; see {@linkcode planResctrl}.
   */
  constructor(record: ResctrlRecord, readonly rdt: LinuxIntelRdt, readonly fs: CgroupFs) {
    this.#record = record;
  }

  /** The planned record; after {@linkcode prepare}, the record of the groups that exist. */
  get record(): Readonly<ResctrlRecord> {
    return this.#record;
  }

  /**
   * Makes missing directories, and writes the schemata with one write(2) for each line, so that a later line
   * may change an earlier one.
   *
   * @returns The record to keep. After a failure there is no group of the container to remove.
   * @throws {RuntimeError} with the file, the value, the kernel's reason and its `last_cmd_status`; or with
   * the difference between the schemata of an existing class and those of the config.
   */
  prepare(): ResctrlRecord {
    const { record, rdt, fs } = this;
    const lines = requestedLines(rdt);
    using _lock = lockResctrl(record.mount);
    const isNew = this.#makeClass();
    try {
      if (isNew || !rdt.closID) writeSchemata(fs, record, lines);
      else if (lines.length > 0) this.#compare(lines);
      if (record.mon !== undefined) this.#makeMonGroup(record.mon);
      return this.#record;
    } catch (error) {
      // A half-made class would be refused the next time. A process in it was put there by something else.
      if (isNew && fs.read(record.clos, "tasks").trim() === "") fs.rmdir(record.clos);
      throw error;
    }
  }

  /**
   * Moves the init in before its program runs. Its later children are in the group from their start. A second
   * call does nothing.
   */
  enter(pid: number): void {
    if (this.#entered) return;
    enterResctrl(this.record, pid, this.fs);
    this.#entered = true;
  }

  /** @returns Whether the directory was missing. */
  #makeClass(): boolean {
    const { record, fs } = this;
    const errno = fs.mkdir(record.clos);
    if (errno === 0) return true;
    if (errno !== EEXIST) throw directoryError(fs, record, "make class of service", record.clos, errno);
    this.#record = { ...record, made: false };
    return false;
  }

  #compare(lines: readonly string[]): void {
    const { record, rdt, fs } = this;
    const found = differences(
      lines,
      fs.read(record.clos, "schemata"),
      (name) => granularity(fs, record, name),
    );
    if (found.length === 0) return;
    throw new RuntimeError(
      "EEXIST_RESCTRL",
      `intelRdt.closID ${
        JSON.stringify(rdt.closID)
      }: ${record.clos} exists, and its schemata are other ones: ` +
        found.join(", "),
    );
  }

  #makeMonGroup(mon: string): void {
    const { record, fs } = this;
    const errno = fs.mkdir(mon);
    if (errno === 0) return;
    throw directoryError(fs, record, "make MON group", mon, errno);
  }
}

/**
 * Finds the place of a container's group. Nothing is made yet.
 *
 * @param mount Mount point of resctrl; undefined where it is not mounted.
 * @throws {RuntimeError} in runc's words where it has some, for a request that this machine does not support.
 */
export function planResctrl(
  rdt: LinuxIntelRdt,
  id: string,
  mount: string | undefined,
  fs: CgroupFs = new HostCgroupFs(),
): ResctrlGroup {
  if (mount === undefined) {
    throw new RuntimeError(
      "ENOTSUP_RESCTRL",
      "intelRdt is specified in config, but Intel RDT is not enabled: no resctrl file system is mounted",
    );
  }
  checkAbilities(rdt, mount, fs);
  const clos = rdt.closID === "/" ? mount : `${mount}/${rdt.closID || id}`;
  const there = rdt.closID === "/" || fs.exists(mount, rdt.closID || id);
  if (rdt.closID && !there && requestedLines(rdt).length === 0) {
    throw new RuntimeError(
      "EINVAL_RESCTRL",
      `intelRdt.closID ${JSON.stringify(rdt.closID)}: there is no ${clos}, ` +
        "and without l3CacheSchema, memBwSchema or schemata it is not made",
    );
  }
  if (there && !fs.exists(clos, "tasks")) {
    throw new RuntimeError(
      "EINVAL_RESCTRL",
      `intelrdt: ${clos} is a directory of the kernel, not a class of service`,
    );
  }
  const record: ResctrlRecord = { mount, clos, made: !rdt.closID && !there };
  if (rdt.enableMonitoring) {
    if (there && fs.exists(`${clos}/mon_groups`, id)) {
      throw new RuntimeError("EEXIST_RESCTRL", `MON group ${clos}/mon_groups/${id} exists already`);
    }
    record.mon = `${clos}/mon_groups/${id}`;
  }
  return new ResctrlGroup(record, rdt, fs);
}

function checkAbilities(
  { l3CacheSchema, memBwSchema, enableMonitoring }: LinuxIntelRdt,
  mount: string,
  fs: CgroupFs,
) {
  const wanted: [field: string, value: unknown, info: string, name: string][] = [
    ["l3CacheSchema", l3CacheSchema, "L3", "Intel RDT/CAT"],
    ["memBwSchema", memBwSchema, "MB", "Intel RDT/MBA"],
    ["enableMonitoring", enableMonitoring, "L3_MON", "Intel RDT monitoring"],
  ];
  for (const [field, value, info, name] of wanted) {
    if (value && !fs.exists(`${mount}/info`, info)) {
      throw new RuntimeError(
        "ENOTSUP_RESCTRL",
        `intelRdt.${field} is specified in config, but ${name} is not enabled`,
      );
    }
  }
}

/** Step of memory bandwidth, to which the kernel rounds up; 1 where there is none. */
function granularity(fs: CgroupFs, { mount }: ResctrlRecord, name: string): bigint {
  const info = `${mount}/info/${name}`;
  return fs.exists(info, "bandwidth_gran") ? BigInt(fs.read(info, "bandwidth_gran").trim()) : 1n;
}

/**
 * Writes lines of schemata, one after the other.
 *
 * @throws {RuntimeError} at the first that the kernel refuses.
 */
export function writeSchemata(fs: CgroupFs, record: ResctrlRecord, lines: readonly string[]): void {
  withStatus(fs, record, () => fs.write(record.clos, "schemata", lines.map((line) => `${line}\n`)));
}

/**
 * Moves a process into a container's group: first into the class, because a MON group takes only processes of
 * its class.
 *
 * @throws {RuntimeError}
 */
export function enterResctrl(record: ResctrlRecord, pid: number, fs: CgroupFs = new HostCgroupFs()): void {
  withStatus(fs, record, () => {
    fs.write(record.clos, "tasks", String(pid));
    if (record.mon !== undefined) fs.write(record.mon, "tasks", String(pid));
  });
}

/**
 * Removes the container's own directories. Missing ones are no error.
 *
 * @throws {RuntimeError}
 */
export function removeResctrl(record: ResctrlRecord, fs: CgroupFs = new HostCgroupFs()): void {
  for (const directory of [record.mon, record.made ? record.clos : undefined]) {
    if (directory === undefined) continue;
    const errno = fs.rmdir(directory);
    if (errno !== 0 && !isGone(errno)) {
      throw directoryError(fs, record, "unable to remove container's IntelRDT group", directory, errno);
    }
  }
}

/**
 * Runs an operation on resctrl. A failure gets the kernel's own explanation, which an errno does not have.
 */
function withStatus(fs: CgroupFs, record: ResctrlRecord, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof CgroupFileError)) throw error;
    throw new RuntimeError("EIO_RESCTRL", `intelrdt: ${error.message}${lastStatus(fs, record)}`);
  }
}

function directoryError(
  fs: CgroupFs,
  record: ResctrlRecord,
  doing: string,
  directory: string,
  errno: number,
): RuntimeError {
  const reason = errno === ENOENT ? "the parent directory is missing" : strerror(errno);
  return new RuntimeError(
    "EIO_RESCTRL",
    `intelrdt: ${doing} ${directory}: ${reason}${lastStatus(fs, record)}`,
  );
}

/** The kernel's explanation of the last failed operation. */
function lastStatus(fs: CgroupFs, { mount }: ResctrlRecord): string {
  try {
    const status = fs.read(`${mount}/info`, "last_cmd_status").trim();
    return status === "" || status === "ok" ? "" : `, last_cmd_status: ${status}`;
  } catch {
    return "";
  }
}
