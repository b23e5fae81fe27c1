/**
 * `create`: from a bundle to a container that waits for `start`.
 *
 * The order is the specification's lifecycle (runtime.md). What is made is recorded before it is made, so that
 * whatever happens to tsrun, `delete` finds all of it.
 * @module
 */

import { AT_FDCWD, S_IFDIR, S_IFIFO, S_IFMT } from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { SignalRelay } from "../../../ffi/signal_relay.ts";
import { stat } from "../../../ffi/stat.ts";
import { Arena, ExecutorGone } from "../../../init/executor.ts";
import { type NamespacePlan, planNamespaces } from "../../../init/namespaces.ts";
import { setUp } from "../../../init/setup.ts";
import { Stage, type StagePlan } from "../../../init/stage.ts";
import type { Spec } from "../../../spec/types.ts";
import { listenDescriptors, withListenDescriptors } from "../../features/readiness/activation.ts";
import { type CgroupDriver, loadDriver } from "../../cgroups/mod.ts";
import { readConfig } from "../config.ts";
import { lineOfError, reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { claimContainer } from "../lock.ts";
import { loadParts, type Parts } from "./parts.ts";
import type { Log } from "../../host/log.ts";
import {
  type Creation,
  isHostRoot,
  recordInit,
  setupPlan,
  stagePreparation,
  terminalRequest,
} from "./setup_plan.ts";
import { HostMounts } from "../../host/mounts.ts";
import { checkPreserved, inspectStdio } from "../../host/inherited_fds.ts";
import { Interrupts } from "../interrupts.ts";
import { writePidFile } from "../../host/pid_file.ts";
import { adviseOnCgroups, isRootless } from "../../host/rootless.ts";
import { setOpenFilesLimit, setRlimits } from "../../host/rlimits.ts";
import { containerDir } from "../id.ts";
import { type ContainerState, timestamp, writeState } from "../record.ts";
import { mark } from "../../host/trace.ts";
import { callerIsRoot, callerUid } from "../../host/caller.ts";

/** What the command line says. */
export interface CreateOptions {
  /** State root and bundle, absolute. */
  root: string;
  id: string;
  bundle: string;
  pidFile?: string;
  consoleSocket?: string;
  pidfdSocket?: string;
  noPivot: boolean;
  noNewKeyring: boolean;
  preserveFds: number;
  systemdCgroup: boolean;
  rootless: "auto" | "true" | "false";
  log: Log;
  /** Signals that a tsrun that stays listens to; its own when absent. */
  relay?: SignalRelay;
  /** Takes the master of the process's terminal, by a tsrun that stays; absent when it leaves. */
  takeMaster?: (master: number) => void;
}

/**
 * Makes a container.
 *
 * @returns Its record; its init is this process's child and waits for `start`.
 * @throws {RuntimeError} For whatever failed, when everything made until then is gone again.
 */
export async function createContainer(k: LocalKernel, o: CreateOptions): Promise<ContainerState> {
  const listening = listenDescriptors();
  checkPreserved(k, listening, o.preserveFds);
  using arena = new Arena(k, listening + o.preserveFds);
  const stage = new Stage(arena, listening + o.preserveFds);
  mark("stage started");
  const config = await readConfig(o.bundle, o.log);
  checkUser(config.spec);
  const parts = await loadParts(o, config.spec);
  if (listening > 0) config.spec.process.env = withListenDescriptors(config.spec.process.env, listening);
  parts.notify?.addNotifySocket(config.spec, containerDir(o.root, o.id));
  parts.terminal?.checkTerminal(terminalRequest(o, config.spec));
  // A tsrun that stays will wait for more than one thing then, by its event loop.
  if (o.takeMaster && (parts.terminal ?? parts.notify)) {
    (await import("../../../ffi/background.ts")).prepareBackground();
  }
  mark("config read");
  const rootfs = resolveRootfs(k, o.bundle, config.spec.root.path);
  const mounts = new HostMounts();
  const { planCgroup, readCgroupHost } = await loadDriver();
  const cgroupHost = readCgroupHost(mounts.text);
  const { spec } = config, { cgroupsPath } = spec.linux ?? {};
  const rootless = isRootless(o.rootless);
  const request = { id: o.id, cgroupsPath, systemd: o.systemdCgroup, rootless, spec };
  const cgroup = await planCgroup(() => k, request, cgroupHost);
  const resctrl = parts.resctrl?.planResctrl(spec.linux!.intelRdt!, o.id, mounts.resctrl());
  const namespaces = planNamespaces(spec.linux?.namespaces);
  const state = newState(o, spec, rootfs, namespaces, cgroup);
  if (resctrl) state.resctrl = resctrl.record;
  const userNamespace = parts.userNamespace &&
    new parts.userNamespace.UserNamespace({ k, arena, stage, spec, copyUp: parts.copyUp });
  const interrupts = new Interrupts(k, o.relay);
  using _lock = claimContainer(k, o.root, o.id);
  const creation: Creation = {
    o,
    k,
    arena,
    stage,
    config,
    parts,
    namespaces,
    mounts,
    cgroupHost,
    cgroup,
    resctrl,
    state,
    userNamespace,
    mountSources: undefined,
  };
  try {
    await interrupts.during(() => build(creation, interrupts));
  } catch (error) {
    throw await undo(creation, error);
  } finally {
    interrupts.disarm();
  }
  return state;
}

/** Without root's rights nothing of a container can be made, but in a user namespace. */
function checkUser({ linux }: Spec): void {
  if (callerIsRoot() || linux?.namespaces?.some(({ type }) => type === "user")) return;
  throw new RuntimeError(
    'rootless container requires user namespaces: add {"type": "user"} to linux.namespaces, ' +
      'and id mappings, as "tsrun spec --rootless" writes them',
  );
}

function resolveRootfs(k: LocalKernel, bundle: string, path: string): string {
  const rootfs = path.startsWith("/") ? path : `${bundle}/${path}`;
  let real: string;
  try {
    real = Deno.realPathSync(rootfs);
  } catch (error) {
    throw new RuntimeError(`invalid rootfs ${JSON.stringify(rootfs)}: ${reasonOf(error)}`);
  }
  if (((stat(k, real)?.mode ?? 0) & S_IFMT) !== S_IFDIR) {
    throw new RuntimeError(`invalid rootfs ${JSON.stringify(rootfs)}: not a directory`);
  }
  return real;
}

function newState(
  o: CreateOptions,
  spec: Spec,
  rootfs: string,
  namespaces: NamespacePlan,
  cgroup: CgroupDriver,
): ContainerState {
  return {
    version: 1,
    id: o.id,
    ociVersion: spec.ociVersion,
    bundle: o.bundle,
    rootfs,
    created: timestamp(),
    owner: callerUid(),
    pid: 0,
    startTime: "",
    pidNamespace: namespaces.fresh.has("pid"),
    cgroup: cgroup.record,
    cgroupClaimed: false,
    noNewKeyring: o.noNewKeyring,
    annotations: spec.annotations ?? {},
  };
}

/** The container's way from a record to `created`. */
function build(creation: Creation, interrupts: Interrupts): void {
  const { o, k, stage, config, parts, namespaces, cgroup, resctrl, state, userNamespace: user } = creation;
  const { spec } = config;
  const directory = containerDir(o.root, o.id);
  writeState(o.root, state);
  Deno.writeTextFileSync(`${directory}/config.json`, config.text, { mode: 0o600 });
  makeFifo(k, `${directory}/exec.fifo`);
  parts.notify?.makeNotifyDirectory(directory);
  mark("state recorded");
  resctrl?.prepare();
  cgroup.create(spec.linux?.resources, stage.pid);
  state.cgroupClaimed = true;
  writeState(o.root, state);
  mark("cgroup made");
  if (parts.rootMount) attachRoot(creation, parts.rootMount);
  const entry = cgroup.entry();
  const stagePlan: StagePlan = {
    namespaces,
    oomScoreAdj: spec.process.oomScoreAdj,
    cgroupTasks: entry.tasks,
    cloneInto: entry.cloneInto,
    prepare: stagePreparation(creation),
  };
  // These three lines are runc's: who reads --debug finds the same steps in them.
  o.log.debug(`nsexec container setup: stage ${stage.pid}`);
  const init = stage.init(user ? user.stagePlan(stagePlan) : stagePlan);
  const { uid } = spec.process.user;
  // A terminal takes the place of what the caller has there.
  const nullStdio = spec.process.terminal ? [] : inspectStdio(k, user ? user.hostUid(uid) : uid);
  const ready = setUp(init, setupPlan(creation, init, `${directory}/exec.fifo`, nullStdio));
  o.log.debug(`child process in init(): pid ${stage.initPid}`);
  user?.end();
  creation.mountSources?.end();
  mark("init set up");
  cgroup.set(spec.linux?.resources);
  resctrl?.enter(stage.initPid);
  const { rlimits } = spec.process;
  setOpenFilesLimit(k, stage.initPid, rlimits);
  ready.cutOff();
  recordInit(creation);
  ready.confirm();
  setRlimits(k, stage.initPid, rlimits);
  mark("limits set");
  interrupts.check();
  if (o.pidfdSocket !== undefined) parts.pidfd!.sendPidfd(k, o.pidfdSocket, state.pid, "standard");
  if (o.pidFile !== undefined) writePidFile(o.pidFile, state.pid);
  writeState(o.root, state);
  o.log.debug("init: closing the pipe to signal completion");
  ready.release();
  creation.netDevices?.end();
  mark("created");
}

/** A root that the container can mount on in the runtime's own mount namespace. */
function attachRoot({ o, k, state }: Creation, rootMount: NonNullable<Parts["rootMount"]>): void {
  if (isHostRoot(k, state.rootfs)) {
    throw new RuntimeError(
      `invalid rootfs ${
        JSON.stringify(state.rootfs)
      }: the host's root can be mounted on in a mount namespace ` +
        'only: add {"type": "mount"} to linux.namespaces',
    );
  }
  rootMount.attachRoot(k, state.rootfs, (mountId) => {
    state.rootMount = mountId;
    writeState(o.root, state);
  });
}

/** The file by whose opening `start` lets the init go on; the process's user must be able to write to it. */
function makeFifo(k: LocalKernel, path: string): void {
  k.mknodat(AT_FDCWD, path, S_IFIFO | 0o622, 0);
  Deno.chmodSync(path, 0o622);
}

/** Removes everything that a failed create has made; returns the error to report. */
async function undo(
  { o, k, stage, state, netDevices }: Creation,
  error: unknown,
): Promise<RuntimeError> {
  const { destroyContainer, insistOn } = await import("../destroy.ts");
  let message = lineOfError(error);
  stage.kill();
  if (isRootless(o.rootless)) message = adviseOnCgroups(message);
  if (error instanceof ExecutorGone) message = `unable to start container process: ${message}`;
  try {
    await insistOn(() => destroyContainer(k, o.root, { ...state, pid: 0 }, o.log));
  } catch (cleanup) {
    message += `; and cleaning up failed: ${reasonOf(cleanup)}`;
  }
  const failures = netDevices?.giveBack() ?? [];
  return RuntimeError.from(error, [message, ...failures].join("; "));
}
