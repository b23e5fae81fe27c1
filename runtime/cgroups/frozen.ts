/**
 * Whether a container is paused. Every look at a container's status asks this of its cgroup.
 *
 * The cgroup driver answers it too, but loading the driver takes 2.3 ms, and `state`, `list` and `start` need
 * nothing else of it.
 * @module
 */
import type { CgroupRecord } from "./types.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { linkCount, readText } from "../host/files.ts";

/**
 * Whether SIGKILL may not end all processes before they are thawed: where the container is paused, and on v1
 * where it has cgroups below its own, each of which may be frozen by itself.
 */
export function mayHoldKilled(cgroup: CgroupRecord | null): boolean {
  if (isPaused(cgroup)) return true;
  const freezer = cgroup?.driver.endsWith("-v1") ? cgroup.paths.freezer : undefined;
  if (freezer === undefined) return false;
  try {
    // A directory has two links, and one more for each directory in it.
    return (linkCount(freezer) ?? 3) > 2;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new RuntimeError("EIO_CGROUP", `stat ${freezer}: ${reasonOf(error)}`);
  }
}

/** Files by which a container is paused. */
export interface FreezerFiles {
  /** Holds 1 where it is paused, else 0. */
  asked: string;
  /** Takes the text that thaws it. */
  file: string;
  thawed: string;
  /** On v1 the directory, in which others may be frozen by themselves. */
  nested?: string;
}

/** The files of a container's cgroup; undefined where it cannot be paused. */
export function freezerFiles(cgroup: CgroupRecord | null): FreezerFiles | undefined {
  const v2 = cgroup?.driver.endsWith("-v2");
  const directory = v2 ? cgroup?.paths.unified : cgroup?.paths.freezer;
  if (directory === undefined) return undefined;
  const file = `${directory}/${v2 ? "cgroup.freeze" : "freezer.state"}`;
  if (v2) return { asked: file, file, thawed: "0" };
  return { asked: `${directory}/freezer.self_freezing`, file, thawed: "THAWED", nested: directory };
}

/**
 * Whether the container's own cgroup is set to freeze. As in runc, a frozen parent does not count.
 *
 * The files `freezer.self_freezing` (v1) and `cgroup.freeze` (v2) tell this at once, also while processes are
 * still being stopped: kernel documents admin-guide/cgroup-v1/freezer-subsystem.rst and
 * admin-guide/cgroup-v2.rst.
 *
 * @returns False when the cgroup is gone, or none was made.
 */
export function isPaused(cgroup: CgroupRecord | null): boolean {
  const path = freezerFiles(cgroup)?.asked;
  if (path === undefined) return false;
  try {
    return readText(path).trim() === "1";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    // The directory was removed between open and read.
    if (reasonOf(error) === "no such device") return false;
    throw new RuntimeError("EIO_CGROUP", `read ${path}: ${reasonOf(error)}`);
  }
}
