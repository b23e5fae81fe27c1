/**
 * Writes the rows of a table of resources.
 * @module
 */
import { EINVAL } from "../../ffi/errno.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs } from "./fs.ts";
import { UNIFIED } from "./path.ts";
import type { ReadFile, Row } from "./row.ts";

/** A row and the values that it writes. */
interface Task {
  row: Row;
  value: string | readonly string[];
  dir: string;
}

/**
 * Writes the limits that are asked for.
 *
 * @param paths Directories by controller.
 * @param rows The table, in the order of writing.
 * @throws {RuntimeError} when the container has no cgroup of a limit's controller, or the kernel refuses a
 * limit.
 * @throws {RuntimeError} when the container has no cgroup of a limit's controller, or the kernel refuses a
 * limit.
 */
export function applyRows(
  fs: CgroupFs,
  paths: Readonly<Record<string, string>>,
  resources: LinuxResources,
  rows: readonly Row[],
  phase: "beforeJoin" | "all",
): void {
  const tasks = plan(paths, resources, rows, phase);
  const postponed: Task[] = [];
  for (const task of tasks) {
    const waitsFor = task.row.retryAfter;
    const mayWait = waitsFor !== undefined && tasks.some((other) => other.row.file === waitsFor);
    if (write(fs, task, resources, mayWait)) continue;
    postponed.push(task);
  }
  for (const task of postponed) write(fs, task, resources, false);
}

function plan(
  paths: Readonly<Record<string, string>>,
  resources: LinuxResources,
  rows: readonly Row[],
  phase: "beforeJoin" | "all",
): Task[] {
  const tasks: Task[] = [];
  for (const row of rows) {
    if (phase === "beforeJoin" && !row.beforeJoin) continue;
    const group = resources[row.group];
    const field = row.field === undefined
      ? group
      : (group as Record<string, unknown> | undefined)?.[row.field];
    if (field === undefined || field === null) continue;
    const value = row.convert(field, resources);
    if (value === undefined || value.length === 0) continue;
    const dir = paths[row.controller];
    if (dir === undefined) {
      const name = row.field === undefined ? row.group : `${row.group}.${row.field}`;
      throw new RuntimeError(
        "ENOENT_CGROUP",
        `cannot set ${controllerOf(row)} limit: container could not join or create cgroup` +
          ` (linux.resources.${name} asks for it)`,
      );
    }
    tasks.push({ row, value, dir });
  }
  return tasks;
}

/** The controller of a row. On cgroup v2 only the files' names hold it. */
function controllerOf({ controller, file }: Row): string {
  if (controller !== UNIFIED) return controller;
  return (typeof file === "string" ? file : file[0]).split(".")[0];
}

/** Writes one row. Returns false where it has to be tried again later. */
function write(
  fs: CgroupFs,
  { row, value, dir }: Task,
  resources: LinuxResources,
  mayWait: boolean,
): boolean {
  const read: ReadFile = (file) => fs.read(dir, file);
  row.check?.(resources, read);
  try {
    fs.write(dir, fileOf(fs, row, dir), value);
  } catch (error) {
    if (!(error instanceof CgroupFileError)) throw error;
    if (mayWait && error.errno === EINVAL) return false;
    if (row.tolerate?.includes(error.errno)) return true;
    const explanation = row.explain?.(error.errno, error.value ?? "", read);
    throw explanation === undefined ? error : new RuntimeError("EINVAL_RESOURCES", explanation);
  }
  row.verify?.(resources, read);
  return true;
}

function fileOf(fs: CgroupFs, { file }: Row, dir: string): string {
  if (typeof file === "string") return file;
  return fs.exists(dir, file[0]) ? file[0] : file[1];
}
