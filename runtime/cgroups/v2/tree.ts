/**
 * Makes a usable cgroup v2 directory: its parents hand controllers down, and its type accepts processes.
 *
 * Source: kernel document admin-guide/cgroup-v2.rst, "Organizing Processes and Threads", "Controlling
 * Controllers".
 * @module
 */
import { EEXIST } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs, errnoOfStep } from "../fs.ts";

/**
 * Makes every directory from below a mount point down to a leaf, and hands all controllers down to it.
 *
 * @param made Takes the directories made, so that a failure can be undone.
 * @throws {CgroupFileError} for a directory that cannot be made.
 */
export function makePath(fs: CgroupFs, mountpoint: string, leaf: string, made: string[]): void {
  let dir = mountpoint;
  for (const name of leaf.slice(mountpoint.length).split("/").filter((part) => part !== "")) {
    handDown(fs, dir);
    dir += `/${name}`;
    const errno = fs.mkdir(dir);
    if (errno === 0) made.push(dir);
    else if (errno !== EEXIST) throw new CgroupFileError("mkdir", dir, errno);
  }
}

/**
 * Enables every controller of a cgroup for its children: all at once, or one by one where that is refused. A
 * refused controller (a real-time process blocks the cpu controller, processes in the parent do) matters only
 * where a limit of it is set, and is named then.
 */
function handDown(fs: CgroupFs, dir: string): void {
  const enabled = enabledIn(fs, dir);
  const missing = controllersOf(fs, dir).filter((name) => !enabled.includes(name)).map((name) => `+${name}`);
  if (missing.length === 0) return;
  const write = (value: string) => errnoOfStep(() => fs.write(dir, "cgroup.subtree_control", value));
  if (write(missing.join(" ")) === 0) return;
  for (const one of missing) write(one);
}

/** The controllers of a cgroup. */
export function controllersOf(fs: CgroupFs, dir: string): string[] {
  return words(fs.read(dir, "cgroup.controllers"));
}

/** The controllers that it hands down to its children. */
export function enabledIn(fs: CgroupFs, dir: string): string[] {
  return words(fs.read(dir, "cgroup.subtree_control"));
}

function words(text: string): string[] {
  return text.trim().split(/\s+/).filter((word) => word !== "");
}

/**
 * Makes a cgroup accept processes.
 *
 * Below a threaded cgroup a new one has the type `domain invalid`. It becomes threaded where no limit needs a
 * domain.
 *
 * @throws {RuntimeError} where one does.
 */
export function settleType(fs: CgroupFs, dir: string, resources: LinuxResources | undefined): void {
  const type = fs.exists(dir, "cgroup.type") ? fs.read(dir, "cgroup.type").trim() : "domain";
  if (type === "domain") return;
  const invalid = type === "domain invalid";
  if (needsDomain(resources)) {
    const state = invalid
      ? "an invalid state (a cgroup above it is threaded, or has processes of its own)"
      : "threaded mode";
    throw new RuntimeError(
      "EBUSY_CGROUP",
      `cannot enter cgroupv2 ${JSON.stringify(dir)} with domain controllers -- it is in ${state}`,
    );
  }
  if (invalid) fs.write(dir, "cgroup.type", "threaded");
}

/**
 * Whether a limit is asked for that a threaded cgroup cannot have. runc counts the cpu controller among them.
 */
function needsDomain({ memory, blockIO, cpu, hugepageLimits }: LinuxResources = {}): boolean {
  const asked = (group: object | undefined) =>
    Object.values(group ?? {}).some((value) => value !== 0 && value !== "" && value !== false);
  const { cpus: _cpus, mems: _mems, ...times } = cpu ?? {};
  return asked(memory) || asked(blockIO) || asked(times) || (hugepageLimits ?? []).length > 0;
}
