/**
 * Writes a new container's prepared commands: ffi/prepared.ts.
 *
 * Nothing depends on them. Where they cannot be written, or something of the container is unusual, its
 * commands go the engine's way.
 * @module
 */

import { AT_EMPTY_PATH, O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, PIDFS_MAGIC } from "../../../ffi/constants.ts";
import { Descriptor } from "../../../ffi/descriptor.ts";
import { TsrunError } from "../../../ffi/errors.ts";
import { writeAt } from "../../../ffi/io.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { pidfdFilesystem, pidfdOpen } from "../../../ffi/pidfd.ts";
import { printableJson } from "../../../ffi/printable.ts";
import { encodePrepared, MOST_CGROUPS, PREPARED_FILE, type PreparedData } from "../../../ffi/prepared.ts";
import { STATX_INODE_OFFSET, STATX_SIZE } from "../../../ffi/structs.ts";
import type { Hooks, Status } from "../../../spec/types.ts";
import { freezerFiles } from "../../cgroups/mod.ts";
import { build } from "../../host/build_info.ts";
import { callerIsRoot } from "../../host/caller.ts";
import { readText } from "../../host/files.ts";
import { containerDir } from "../id.ts";
import type { ContainerState } from "../record.ts";
import { describe } from "../report.ts";

/** The facts that decide which commands are prepared. */
export interface PrepareRequest {
  root: string;
  /** The record of the container as it is when it is created. */
  state: ContainerState;
  hooks: Hooks | undefined;
  /** The container has the socket of a service manager. */
  notified: boolean;
}

/** Longer documents of `state` are not prepared: a pipe might not take them at once (PIPE_BUF of pipe(7)). */
const LONGEST_DOCUMENT = 4096;

/** Prepares the commands of a container whose init has its pid, if that can be done. */
export function prepareCommands(k: LocalKernel, request: PrepareRequest): void {
  if (build.digest === undefined) return;
  try {
    const inode = inodeOfPidfd(k, request.state.pid);
    if (inode === undefined) return;
    const bytes = encodePrepared(build.digest, prepareData(request, inode));
    writePrepared(k, `${containerDir(request.root, request.state.id)}/${PREPARED_FILE}`, bytes);
  } catch (error) {
    // There is no room for it, in the memory of a file or on the disk.
    if (!(error instanceof TsrunError)) throw error;
  }
}

/**
 * The inode of a process's pidfd, which no other process of this boot has (Linux 6.9); undefined where the
 * kernel gives all of them the same.
 */
function inodeOfPidfd(k: LocalKernel, pid: number): number | undefined {
  using pidfd = new Descriptor(k, pidfdOpen(k, pid));
  if (pidfdFilesystem(k, pidfd.fd) !== PIDFS_MAGIC) return undefined;
  return k.scratch(() => {
    const stat = k.buffer(STATX_SIZE);
    k.statx(pidfd, "", stat, undefined, AT_EMPTY_PATH);
    const inode = stat.u64(STATX_INODE_OFFSET);
    return inode <= Number.MAX_SAFE_INTEGER ? inode : undefined;
  });
}

/** The facts about the container, and which commands are prepared: the others go the engine's way. */
function prepareData({ root, state, hooks, notified }: PrepareRequest, inode: number): PreparedData {
  const freezer = freezerFiles(state.cgroup),
    text = (status: Status) => printableJson(JSON.stringify(describe(state, status, ""), null, 2));
  const created = text("created"), short = created.length < LONGEST_DOCUMENT / 3;
  const cgroups = hooks?.poststop?.length || notified ? undefined : removable(state);
  return {
    texts: {
      root,
      id: state.id,
      bootId: readText("/proc/sys/kernel/random/boot_id"),
      nameFile: `/proc/${state.pid}/comm`,
      memoryFile: `/proc/${state.pid}/statm`,
      frozenFile: freezer?.asked,
      thawFile: freezer?.file,
      thawed: freezer?.thawed,
      freezer: freezer?.nested,
      ...short ? { created, running: text("running"), stopped: text("stopped") } : {},
    },
    words: {
      recordSize: new TextEncoder().encode(JSON.stringify(state)).length,
      pid: state.pid,
      inode,
      callerIsRoot: Number(callerIsRoot()),
      pidNamespace: Number(state.pidNamespace),
      start: Number(!hooks?.poststart?.length),
      kill: 1,
      state: Number(short),
      delete: Number(cgroups !== undefined),
    },
    cgroups: cgroups ?? [],
  };
}

/** The directories that are removed with a container; undefined where there is more to remove. */
function removable({ cgroup, cgroupClaimed, resctrl, rootMount }: ContainerState): string[] | undefined {
  if (resctrl !== undefined || rootMount !== undefined) return undefined;
  if (cgroup === null) return [];
  if (!cgroupClaimed || !cgroup.driver.startsWith("cgroupfs-")) return undefined;
  const { devices, ...others } = cgroup.paths;
  // Processes are looked for in the first, as the driver does.
  const paths = [...new Set([...devices === undefined ? [] : [devices], ...Object.values(others)])];
  return paths.length <= MOST_CGROUPS ? paths : undefined;
}

/** Writes the file. A part of it is none: the entry compares its size. */
function writePrepared(k: LocalKernel, path: string, bytes: Uint8Array): void {
  using file = new Descriptor(k, k.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  k.scratch(() => {
    const content = k.buffer(bytes.length);
    content.bytes.set(bytes);
    writeAt(k, file.fd, content.address, bytes.length);
  });
}
