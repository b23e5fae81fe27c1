/**
 * `checkpoint`: CRIU dumps a running container. Its processes end afterwards, unless they are to go on.
 * @module
 */

import { O_ACCMODE, O_RDONLY } from "../../ffi/constants.ts";
import { strerror } from "../../ffi/errno.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { openFlags } from "../../ffi/io.ts";
import { stat } from "../../ffi/stat.ts";
import { Arena } from "../../init/executor.ts";
import type { Spec } from "../../spec/types.ts";
import { cgroupHostMounts } from "../features/checkpoint/cgroup_mounts.ts";
import { criuVersion, requireFeatures, requireVersion, SINCE } from "../features/checkpoint/checks.ts";
import { Criu, findCriu } from "../features/checkpoint/criu.ts";
import {
  checkParent,
  directoryDescriptors,
  logPath,
  makeCriuDirectory,
  openDirectories,
  writeDescriptors,
} from "../features/checkpoint/directories.ts";
import {
  dumpName,
  dumpNamespace,
  type ExternalNamespace,
  externalNamespaces,
  hostMounts,
  maskedFiles,
} from "../features/checkpoint/external.ts";
import { criuFailure } from "../features/checkpoint/failure.ts";
import {
  configFile,
  type CriuOptions,
  type PageServer,
  sharedOptions,
} from "../features/checkpoint/options.ts";
import { type CriuOpts, REQUEST } from "../features/checkpoint/rpc.ts";
import { linkTarget } from "../host/files.ts";
import type { Log } from "../host/log.ts";
import { destroyContainer } from "./destroy.ts";
import { lockContainer } from "./lock.ts";
import { type ContainerState, readState } from "./record.ts";
import { savedConfig } from "./saved_config.ts";
import { statusOf } from "./status.ts";

/** What the command line says. */
export interface CheckpointOptions extends CriuOptions {
  /** State root, absolute. */
  root: string;
  id: string;
  /** Images of an earlier dump, relative to `imagePath`; empty if not given. */
  parentPath: string;
  leaveRunning: boolean;
  /** Dump memory only. The container goes on. */
  preDump: boolean;
  tcpSkipInFlight: boolean;
  linkRemap: boolean;
  /** Descriptor on which tsrun reports that lazy pages can be asked for; -1 for none. */
  statusFd: number;
  pageServer: PageServer | undefined;
  log: Log;
}

/** A dump in progress. */
interface Dump {
  options: CheckpointOptions;
  k: LocalKernel;
  state: ContainerState;
  spec: Spec;
  /** CRIU's path and version. */
  path: string;
  version: number;
}

/**
 * Dumps a container. Without `leaveRunning` and `preDump` it is removed afterwards, and its poststop hooks
 * run.
 *
 * @throws {RuntimeError} If it does not run; if CRIU cannot do it; or with CRIU's own reason. The container
 * goes on then.
 */
export async function checkpointContainer(k: LocalKernel, options: CheckpointOptions): Promise<void> {
  using _lock = lockContainer(k, options.root, options.id);
  const state = readState(options.root, options.id);
  const status = statusOf(options.root, state);
  if (status !== "running" && status !== "paused") {
    throw new RuntimeError("EBUSY_CONTAINER", `Container cannot be checkpointed in ${status} state`);
  }
  const path = findCriu(options.criu);
  const dump: Dump = {
    options,
    k,
    state,
    spec: savedConfig(options.root, options.id),
    path,
    version: criuVersion(k, path),
  };
  const shared = sharedOptions(options);
  makeCriuDirectory(options.imagePath, dump.spec.linux?.namespaces?.some(({ type }) => type === "user"));
  if (options.parentPath !== "") checkParent(options.imagePath, options.parentPath);
  if (options.preDump) requireFeatures(k, path, ["mem_track"]);
  if (options.lazyPages) requireFeatures(k, path, ["lazy_pages"]);
  if (options.lazyPages && options.statusFd !== -1) checkStatusFd(k, options.statusFd);
  const opts: CriuOpts = {
    images_dir_fd: -1,
    ...shared,
    ...containerOptions(dump),
    ...options.preDump ? {} : { ext_mnt: await externalMounts(dump) },
  };
  if (!options.preDump) writeDescriptors(options.imagePath, standardDescriptors(state));
  runCriu(dump, opts);
  if (options.leaveRunning || options.preDump) return;
  try {
    await destroyContainer(k, options.root, state, options.log);
  } catch (error) {
    // The dump is complete, so this is only a warning. "delete --force" removes the rest.
    options.log.warn(reasonOf(error), "runtime/container/checkpoint.ts checkpointContainer");
  }
}

/** CRIU's options for this container and this kind of dump. */
function containerOptions({ options, k, state, spec, version }: Dump): Partial<CriuOpts> {
  return {
    pid: state.pid,
    root: state.rootfs,
    leave_running: options.leaveRunning,
    tcp_skip_in_flight: options.tcpSkipInFlight,
    link_remap: options.linkRemap,
    config_file: configFile(state.annotations),
    external: externalNamespaces(spec).map((namespace) => describe(k, namespace, version)),
    freeze_cgroup: freezer(state, version),
    ps: options.pageServer,
    ...options.parentPath === "" ? {} : { parent_img: options.parentPath, track_mem: true },
    ...reportsReady(version) || !options.lazyPages || options.statusFd === -1
      ? {}
      : { status_fd: options.statusFd },
  };
}

function describe(k: LocalKernel, namespace: ExternalNamespace, version: number): string {
  const minimum = namespace.type === "network" ? SINCE.externalNetwork : SINCE.externalPid;
  requireVersion(version, minimum, `external ${namespace.type} namespace`);
  const inode = stat(k, namespace.path)?.inode;
  if (inode === undefined) {
    throw new RuntimeError(
      "ENOENT_NAMESPACE",
      `stat ${namespace.path}: no such file or directory (a namespace of the container)`,
    );
  }
  return dumpNamespace(namespace, inode);
}

/** The cgroup directory by which CRIU stops all processes at once. Without it CRIU stops them one by one. */
function freezer({ cgroup }: ContainerState, version: number): string | undefined {
  const { freezer, unified } = cgroup?.paths ?? {};
  if (freezer !== undefined || !cgroup?.driver.endsWith("-v2")) return freezer;
  return version >= SINCE.freezerV2 ? unified : undefined;
}

async function externalMounts({ k, state, spec }: Dump): Promise<CriuOpts["ext_mnt"]> {
  const { rootfs, bundle, cgroup, pid } = state;
  const mounts = [
    ...hostMounts(spec, rootfs, bundle),
    ...await cgroupHostMounts(spec, rootfs, cgroup),
  ];
  return [...mounts.map(dumpName), ...maskedFiles(k, pid, spec)];
}

/**
 * The links of the init's standard streams; empty for a closed one. Pipes are taken from the record: the
 * process may have replaced them by pipes of the container's own.
 */
function standardDescriptors({ pid, stdio }: ContainerState): string[] {
  return [0, 1, 2].map((fd) => {
    try {
      return stdio?.[fd] || linkTarget(`/proc/${pid}/fd/${fd}`);
    } catch {
      return "";
    }
  });
}

/**
 * Whether CRIU sends a notification when lazy pages can be asked for. Older versions write to the descriptor
 * themselves.
 */
const reportsReady = (version: number) => version >= SINCE.statusReady;

/** @throws {RuntimeError} In runc's words, if the descriptor cannot be written to. */
function checkStatusFd(k: LocalKernel, fd: number): void {
  const flags = openFlags(k, fd);
  const reason = flags < 0 ? strerror(-flags) : (flags & O_ACCMODE) === O_RDONLY ? "not writable" : undefined;
  if (reason !== undefined) {
    throw new RuntimeError("EINVAL_FLAG", `invalid --status-fd argument ${fd}: ${reason}`);
  }
}

function runCriu({ options, k, path, version }: Dump, opts: CriuOpts): void {
  const log = logPath(options, LOG);
  using arena = new Arena(k, 0);
  using criu = new Criu(k, arena, path, (process) => {
    const directories = openDirectories(process, options, LOG);
    Object.assign(opts, directories);
    return [...directoryDescriptors(directories), ...opts.status_fd === undefined ? [] : [opts.status_fd]];
  });
  const type = options.preDump ? REQUEST.PRE_DUMP : REQUEST.DUMP;
  options.log.debug(
    `criu ${version}, ${path}: ${JSON.stringify(opts)}`,
    "runtime/container/checkpoint.ts runCriu",
  );
  const response = criu.request({ type, opts }, (script) => {
    options.log.debug(`criu notifies: ${script}`, "runtime/container/checkpoint.ts runCriu");
    if (script === "status-ready") tellReady(k, options.statusFd);
  });
  const ended = criu.ended();
  if (!response.success) throw criuFailure(response, log);
  // After a pre-dump CRIU waits for another request. It fails when none comes, which does not matter.
  if (ended !== undefined && !options.preDump) {
    throw new RuntimeError("EIO_CRIU", `criu failed: ${ended} (log file: ${log})`);
  }
}

const LOG = "dump.log";

/** Reports over `--status-fd` that lazy pages can be asked for, and closes it. */
function tellReady(k: LocalKernel, fd: number): void {
  if (fd === -1) return;
  k.write(fd, "\0", { doing: "write to --status-fd" });
  k.close(fd);
}
