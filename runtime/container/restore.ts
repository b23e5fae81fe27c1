/**
 * `restore`: CRIU makes the processes of a container again from the files of a checkpoint.
 *
 *     tsrun ── in a mount namespace of its own: root, places for mounts ──> criu, in the container's cgroup
 *       │ <── setup-namespaces: hooks, loopback ──                           │
 *       │ <── orphan-pts-master: the terminal ────                           │
 *       │ <── post-restore: the init's pid ───────                           └── init (a child of tsrun)
 *
 * @module
 */

import { RuntimeError } from "../../ffi/errors.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import type { SignalRelay } from "../../ffi/signal_relay.ts";
import { Arena } from "../../init/executor.ts";
import { makeKeyring } from "../../init/keyring.ts";
import { planNamespaces } from "../../init/namespaces.ts";
import type { Spec } from "../../spec/types.ts";
import { type CgroupDriver, loadDriver, loadResctrl, type ResctrlGroup } from "../cgroups/mod.ts";
import { cgroupHostMounts } from "../features/checkpoint/cgroup_mounts.ts";
import { criuVersion } from "../features/checkpoint/checks.ts";
import { Criu, findCriu } from "../features/checkpoint/criu.ts";
import {
  directoryDescriptors,
  logPath,
  openDirectories,
  readDescriptors,
} from "../features/checkpoint/directories.ts";
import { hostMounts } from "../features/checkpoint/external.ts";
import { criuFailure } from "../features/checkpoint/failure.ts";
import { bringContainersLoopbackUp } from "../features/checkpoint/loopback.ts";
import { configFile, type CriuOptions, sharedOptions } from "../features/checkpoint/options.ts";
import {
  type LsmOptions,
  lsmOptions,
  mountSources,
  openNamespaces,
  standardPipes,
} from "../features/checkpoint/restore_options.ts";
import { makeRestoreRoot, MASK_NAME } from "../../init/restore_root.ts";
import { type CriuOpts, REQUEST } from "../features/checkpoint/rpc.ts";
import { makeDirectory, readText, removeFile, writeTextFile } from "../host/files.ts";
import type { Log } from "../host/log.ts";
import { isInOther } from "../host/namespaces.ts";
import { HostMounts } from "../host/mounts.ts";
import { startTimeOf } from "../host/process.ts";
import { isRootless } from "../host/rootless.ts";
import { type Config, readConfig } from "./config.ts";
import { newState, resolveRootfs } from "./create/plan.ts";
import { exactJson } from "./exact_json.ts";
import { destroyContainer, insistOn } from "./destroy.ts";
import { runHooks } from "./hooks.ts";
import { containerDir } from "./id.ts";
import { Interrupts } from "./interrupts.ts";
import { claimContainer } from "./lock.ts";
import { type ContainerState, writeState } from "./record.ts";
import { ociState } from "./status.ts";
import { causeOf, reasonWithUndo, UndoStack } from "./undo.ts";
import { writePidFile } from "../host/pid_file.ts";

/** What the command line says. */
export interface RestoreOptions extends CriuOptions, LsmOptions {
  /** State root and bundle, absolute. */
  root: string;
  id: string;
  bundle: string;
  pidFile?: string;
  consoleSocket?: string;
  systemdCgroup: boolean;
  /** The container gets no cgroup. */
  noCgroup?: boolean;
  rootless: "auto" | "true" | "false";
  log: Log;
  /** Takes the master of the process's terminal in a foreground command; absent where tsrun leaves. */
  takeMaster?: (master: number) => void;
}

/** A restore in progress. */
interface Restore {
  options: RestoreOptions;
  k: LocalKernel;
  arena: Arena;
  config: Config;
  state: ContainerState;
  cgroup: CgroupDriver;
  resctrl: ResctrlGroup | undefined;
  /** CRIU's path and version. */
  path: string;
  version: number;
  /**
   * Sends the terminal's master to the receiver that the command line names; undefined if the process has no
   * terminal.
   */
  deliverMaster: ((master: number) => void) | undefined;
}

/**
 * Restores a container.
 *
 * @param relay The signals that a foreground command listens to. Without it the create listens itself.
 * @returns Its record. Its init is a child of this process, and runs.
 * @throws {RuntimeError} For any failure. Everything that was made until then is removed first.
 */
export async function restoreContainer(
  k: LocalKernel,
  options: RestoreOptions,
  relay?: SignalRelay,
): Promise<ContainerState> {
  try {
    return await restore(k, options, relay);
  } catch (error) {
    throw RuntimeError.from(causeOf(error), reasonWithUndo(error));
  }
}

async function restore(
  k: LocalKernel,
  options: RestoreOptions,
  relay: SignalRelay | undefined,
): Promise<ContainerState> {
  const path = findCriu(options.criu);
  const version = criuVersion(k, path);
  const config = await readConfig(k, options.bundle, options.log);
  const { spec } = config, { cgroupsPath, intelRdt, namespaces } = spec.linux ?? {};
  const deliverMaster = await terminalDelivery(k, options, spec);
  const rootfs = resolveRootfs(k, options.bundle, spec.root.path);
  const { planCgroup } = await loadDriver();
  const rootless = isRootless(options.rootless, options.systemdCgroup);
  const { id, systemdCgroup: systemd, noCgroup: none } = options;
  const cgroup = await planCgroup(() => k, { id, cgroupsPath, systemd, rootless, spec, none });
  const resctrl = intelRdt &&
    (await loadResctrl()).planResctrl(intelRdt, options.id, new HostMounts().resctrl());
  const state = newState(
    { ...options, noNewKeyring: false },
    spec,
    rootfs,
    planNamespaces(namespaces),
    cgroup,
  );
  if (resctrl) state.resctrl = resctrl.record;
  using arena = new Arena(k, 0);
  const interrupts = new Interrupts(k, relay);
  using _lock = claimContainer(k, options.root, options.id);
  const work: Restore = { options, k, arena, config, state, cgroup, resctrl, path, version, deliverMaster };
  await using undo = new UndoStack();
  undo.add(() => insistOn(() => destroyContainer(k, options.root, state, options.log)));
  try {
    await interrupts.during(() => build(work));
    interrupts.check();
  } finally {
    interrupts.disarm();
  }
  undo.keep();
  return state;
}

async function terminalDelivery(
  k: LocalKernel,
  { consoleSocket, takeMaster }: RestoreOptions,
  { process: { terminal } }: Spec,
): Promise<Restore["deliverMaster"]> {
  if (!terminal && consoleSocket === undefined) return undefined;
  const { checkTerminal, deliverMaster } = await import("../features/terminal/console_socket.ts");
  const request = { terminal, consoleSocket, takeMaster };
  checkTerminal(request);
  // A foreground command with a terminal or NOTIFY_SOCKET polls from the event loop. Bind that call now.
  if (takeMaster) (await import("../../ffi/background.ts")).prepareBackground();
  return (master) => deliverMaster(k, master, request);
}

/** Takes the container from its record to the state running. */
async function build(restore: Restore): Promise<void> {
  const { options, k, arena, config, state, cgroup, resctrl, path, version } = restore;
  const { spec } = config, { rootfs, bundle } = state;
  const directory = containerDir(options.root, options.id),
    root = `${directory}/criu-root`,
    mask = `${directory}/criu-mask`;
  writeState(options.root, state);
  writeTextFile(`${directory}/config.json`, config.text, 0o600);
  for (const place of [root, mask]) makeDirectory(place, 0o755);
  const pipes = standardPipes(await readDescriptors(k, options.imagePath)), log = "restore.log";
  const mounts = [
    ...hostMounts(spec, rootfs, bundle),
    ...await cgroupHostMounts(spec, rootfs, cgroup.record),
  ];
  const opts: CriuOpts = {
    images_dir_fd: -1,
    ...sharedOptions(options),
    ...lsmOptions(options, version),
    root,
    evasive_devices: true,
    rst_sibling: true,
    config_file: configFile(state.annotations),
    ext_mnt: mountSources(mounts, spec, `${mask}/${MASK_NAME}`),
  };
  using criu = new Criu(k, arena, path, (process) => {
    // Keyrings are not dumped: the restored processes have CRIU's.
    makeKeyring(process, options.id);
    const { options: namespaces, keep } = openNamespaces(process, spec, version);
    makeRestoreRoot(process, { rootfs, root, mask, bundle, mounts: spec.mounts ?? [] });
    const directories = openDirectories(process, options, log);
    Object.assign(opts, directories, namespaces, { inherit_fd: [...namespaces.inherit_fd, ...pipes] });
    return [...keep, ...directoryDescriptors(directories)];
  });
  resctrl?.prepare();
  cgroup.create(spec.linux?.resources, criu.pid);
  state.cgroupClaimed = true;
  writeState(options.root, state);
  cgroup.join(criu.pid);
  cgroup.set(spec.linux?.resources);
  opts.cg_root = cgroupRoots(criu.pid);
  request(restore, criu, opts, logPath(options, log));
  resctrl?.enter(state.pid);
  for (const place of [root, mask]) removeFile(place);
  if (options.pidFile !== undefined) writePidFile(options.pidFile, state.pid);
  writeState(options.root, state);
}

/**
 * CRIU restores processes into a time namespace, so that their clocks go on. "exec" enters the
 * namespaces of the saved config, so that one is added.
 */
function recordTimeNamespace(spec: Spec, directory: string, pid: number): void {
  const { namespaces = [] } = spec.linux ?? {};
  if (namespaces.some(({ type }) => type === "time") || !isInOther(pid, "time")) return;
  const linux = { ...spec.linux, namespaces: [...namespaces, { type: "time" }] };
  writeTextFile(`${directory}/config.json`, exactJson({ ...spec, linux }), 0o600);
}

/** Where CRIU's own cgroups are: those of the container are at the same places. */
function cgroupRoots(pid: number): { ctrl: string; path: string }[] {
  return readText(`/proc/${pid}/cgroup`).trim().split("\n").map((line) => {
    const [, ctrl, ...path] = line.split(":");
    return { ctrl, path: path.join(":") };
  });
}

function request(restore: Restore, criu: Criu, opts: CriuOpts, log: string): void {
  const { options, state, path, version } = restore;
  options.log.debug(
    `criu ${version}, ${path}: ${JSON.stringify(opts)}`,
    "runtime/container/restore.ts request",
  );
  const response = criu.request({ type: REQUEST.RESTORE, opts }, (script, pid, fds) => {
    options.log.debug(`criu notifies: ${script}`, "runtime/container/restore.ts request");
    notified(restore, script, pid, fds);
  });
  const ended = criu.ended();
  if (!response.success) throw criuFailure(response, log);
  if (ended !== undefined) throw new RuntimeError("EIO_CRIU", `criu failed: ${ended} (log file: ${log})`);
  if (state.pid === 0) throw new RuntimeError("EIO_CRIU", `criu restored no process (log file: ${log})`);
}

/** Handles a notification of CRIU. */
function notified(
  { options, k, config, state, deliverMaster }: Restore,
  script: string,
  pid: number,
  fds: readonly number[],
): void {
  switch (script) {
    case "setup-namespaces": {
      const { hooks, linux } = config.spec;
      if (linux?.namespaces?.some(({ type, path }) => type === "network" && !path)) {
        bringContainersLoopbackUp(k, pid);
      }
      const seen = ociState({ ...state, pid }, "creating");
      runHooks(k, "prestart", hooks?.prestart, seen);
      runHooks(k, "createRuntime", hooks?.createRuntime, seen);
      break;
    }
    case "orphan-pts-master": {
      const [master] = fds;
      if (master === undefined) throw new RuntimeError("EIO_CRIU", "criu sent no terminal");
      if (deliverMaster) deliverMaster(master);
      else k.close(master);
      break;
    }
    case "post-restore":
      state.pid = pid;
      state.startTime = startTimeOf(pid) ?? "";
      // The process is still stopped: once it runs it may end at any time.
      recordTimeNamespace(config.spec, containerDir(options.root, options.id), pid);
      writeState(options.root, state);
      break;
  }
}
