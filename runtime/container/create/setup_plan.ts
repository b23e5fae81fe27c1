/**
 * What a create in progress has in hand, and what the init's steps are told of it.
 * @module
 */

import * as c from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { Recorder } from "../../../ffi/recorder.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import { fstat, stat } from "../../../ffi/stat.ts";
import { readStatfsType, STATFS_SIZE } from "../../../ffi/structs.ts";
import { giveDescriptor } from "../../../init/hand_over.ts";
import type { Arena } from "../../../init/executor.ts";
import { fetchDescriptor } from "../../../init/hand_over.ts";
import { readHostCapabilities } from "../../../init/identity.ts";
import { hasNamespace, type NamespacePlan } from "../../../init/namespaces.ts";
import { uncoverRoot } from "../../../init/own_root.ts";
import type { SetupPlan } from "../../../init/setup.ts";
import type { Stage } from "../../../init/stage.ts";
import type { Spec } from "../../../spec/types.ts";
import type { CgroupDriver, CgroupHost, ResctrlGroup } from "../../cgroups/mod.ts";
import type { Config } from "../config.ts";
import type { TerminalRequest } from "../../features/terminal/console_socket.ts";
import type { CreateOptions } from "./create.ts";
import type { Parts } from "./parts.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { MountSources } from "../../features/user_namespace/mount_source.ts";
import type { HostMounts } from "../../host/mounts.ts";
import type { NetDevices } from "../../features/net_devices/mod.ts";
import type { UserNamespace } from "../../features/user_namespace/user_namespace.ts";
import { isRootless } from "../../host/rootless.ts";
import type { ContainerState } from "../record.ts";
import { ociState } from "../status.ts";
import { startTimeOf } from "../../host/process.ts";
import { callerDeniesGroups, callerIsRoot, kernelIsAtLeast } from "../../host/caller.ts";

/** Everything that a create in progress has in hand. */
export interface Creation {
  o: CreateOptions;
  k: LocalKernel;
  arena: Arena;
  stage: Stage;
  config: Config;
  parts: Parts;
  namespaces: NamespacePlan;
  mounts: HostMounts;
  cgroupHost: CgroupHost;
  cgroup: CgroupDriver;
  resctrl: ResctrlGroup | undefined;
  state: ContainerState;
  userNamespace: UserNamespace | undefined;
  mountSources: MountSources | undefined;
  /** Set once they are on their way. */
  netDevices?: NetDevices;
}

/** Notes who the init is. */
export function recordInit({ stage, state }: Creation): void {
  state.pid = stage.initPid;
  const startTime = startTimeOf(state.pid);
  if (startTime === undefined) throw new RuntimeError("unable to start container process: it has ended");
  state.startTime = startTime;
}

/** Who has the terminal. */
export function terminalRequest(
  { consoleSocket, takeMaster }: CreateOptions,
  { process }: Spec,
): TerminalRequest {
  return { terminal: process.terminal, consoleSocket, takeMaster };
}

/** A part of the plan. */
type Some<Key extends keyof SetupPlan> = Pick<SetupPlan, Key>;

/**
 * Tells the init's steps what to do.
 *
 * @param fifo Path of exec.fifo.
 * @param nullStdio Standard descriptors that are the host's null device.
 */
export function setupPlan(
  creation: Creation,
  init: RemoteKernel,
  fifo: string,
  nullStdio: readonly number[],
): SetupPlan {
  const { o, k, arena, stage, config, namespaces, state } = creation;
  return {
    id: o.id,
    spec: config.spec,
    bundle: o.bundle,
    rootfs: state.rootfs,
    hostRoot: () => isHostRoot(k, state.rootfs),
    fifo,
    channel: stage.channelFd,
    arena: arena.fd,
    namespaces,
    noPivot: o.noPivot,
    noNewKeyring: o.noNewKeyring,
    host: readHostCapabilities(k),
    nullStdio,
    groupsDenied: callerDeniesGroups,
    hostProcfs: () => giveProcfs(k, init),
    netDevices: netDeviceStep(creation, init),
    ...mountPlan(creation),
    ...processPlan(creation, init),
    ...filterPlan(creation),
    ...hookPlan(creation),
    ...creation.userNamespace?.setupPlan(init) ?? sourcePlan(creation, init),
  };
}

/** Whether a directory is the host's root, by whatever path. */
export function isHostRoot(k: LocalKernel, path: string): boolean {
  const root = stat(k, "/"), other = stat(k, path);
  return root !== undefined && other !== undefined && root.inode === other.inode &&
    root.dev.major === other.dev.major && root.dev.minor === other.dev.minor;
}

/** Gives the init a descriptor of /proc as tsrun sees it: the root of a procfs, into which nothing but the kernel leads. */
function giveProcfs(k: LocalKernel, init: RemoteKernel): number {
  const procfs = k.open("/proc", c.O_PATH | c.O_DIRECTORY | c.O_NOFOLLOW).wait();
  try {
    const isProcfs = k.scratch(() => {
      const statfs = k.buffer(STATFS_SIZE);
      k.fstatfs(procfs, statfs).wait();
      return readStatfsType(statfs) === c.PROC_SUPER_MAGIC && fstat(k, procfs)?.inode === PROC_ROOT_INODE;
    });
    if (!isProcfs) {
      throw new RuntimeError("open a private procfs: operation not permitted, and /proc is none");
    }
    return giveDescriptor(k, init, procfs);
  } finally {
    k.close(procfs);
  }
}

/** Of the root of every procfs, and of nothing else in one: linux/proc_ns.h. */
const PROC_ROOT_INODE = 1;

/** Bind mounts with other ids; with a user namespace their sources are part of its plan. */
function sourcePlan(creation: Creation, init: RemoteKernel): Partial<Some<"openSource">> {
  const { k, arena, parts } = creation;
  if (!parts.mountSource) return {};
  const sources = creation.mountSources = new parts.mountSource.MountSources(k, arena, init, undefined);
  return { openSource: (mount, source, flags) => sources.open(mount, source, flags) };
}

/** Network devices of the host that become the container's; the init shows its namespace, whoever may look at that. */
function netDeviceStep(creation: Creation, init: RemoteKernel): (() => void) | undefined {
  const { o, k, parts: { netDevices }, config } = creation;
  if (netDevices === undefined) return undefined;
  if (isRootless(o.rootless)) {
    throw new RuntimeError("network devices are not supported for rootless containers");
  }
  return () => {
    const theirs = fetchDescriptor(k, init, init.open("/proc/self/ns/net", c.O_RDONLY).wait());
    creation.netDevices = new netDevices.NetDevices(k, theirs);
    creation.netDevices.move(config.spec.linux!.netDevices!);
  };
}

/** What mounts and devices need of the host. */
function mountPlan(
  { k, stage, parts, namespaces, mounts, cgroupHost, cgroup, state }: Creation,
): Some<"hasKcore" | "mountPoints" | "procAndSys" | "cgroupMount" | "copyUp"> {
  return {
    hasKcore: mounts.hasKcore(),
    mountPoints: () => mounts.points(),
    procAndSys: () => mounts.procAndSys(state.rootfs),
    cgroupMount: () =>
      parts.cgroupMount!.planCgroupMount({
        mounts: cgroupHost.mounts,
        record: cgroup.record,
        own: cgroupHost.own,
        cgroupNamespace: namespaces.fresh.has("cgroup"),
        joinedCgroupNamespace: namespaces.joins.some(({ type }) => type === "cgroup"),
        userNamespace: hasNamespace(namespaces, "user"),
      }),
    copyUp: (from, to) =>
      parts.copyUp!.copyContent(k, `/proc/${stage.initPid}/fd/${from}`, `/proc/${stage.initPid}/fd/${to}`),
  };
}

/** Makes the time namespace, where the config asks for one: the stage does, or, where it has not the right to, the init. */
function timeStep({ parts: { time }, config }: Creation): ((k: Recorder) => void) | undefined {
  if (time === undefined) return undefined;
  if (!callerIsRoot() && !kernelIsAtLeast(6, 1)) {
    throw new RuntimeError("a time namespace without root's rights needs Linux 6.1 or later");
  }
  return (k) => time.makeTimeNamespace(k, config.spec.linux?.timeOffsets);
}

/** What the stage does while it sees the host's mounts, beside what its own plan says. */
export function stagePreparation(creation: Creation): ((k: Recorder) => void) | undefined {
  if (!callerIsRoot()) return undefined;
  const makeTime = timeStep(creation);
  const { namespaces, mounts } = creation;
  if (!namespaces.fresh.has("mount") || !mounts.rootIsCovered()) return makeTime;
  return (k) => {
    uncoverRoot(k);
    makeTime?.(k);
  };
}

/** Attributes and terminal, where the config asks for them. */
function processPlan(
  creation: Creation,
  init: RemoteKernel,
): Some<"attributes" | "labels" | "terminal" | "time"> {
  const { o, config, parts, namespaces } = creation;
  const { spec } = config;
  const { attributes, terminal } = parts;
  return {
    labels: parts.labels,
    time: callerIsRoot() ? undefined : timeStep(creation),
    attributes: attributes && ((k) => attributes.setAttributes(k, spec.process, spec.linux)),
    terminal: spec.process.terminal
      ? (root) => {
        const ownMounts = hasNamespace(namespaces, "mount") || parts.rootMount !== undefined;
        terminal!.makeTerminal(creation.k, init, root, spec.process, terminalRequest(o, spec), ownMounts);
      }
      : undefined,
  };
}

/** The filter, and where its listener goes. */
function filterPlan(creation: Creation): Some<"filter" | "sendListener"> {
  const { o, k, config, parts, state } = creation;
  const profile = config.spec.linux?.seccomp;
  return {
    filter: () => {
      if (profile === undefined) return null;
      const { compileSeccomp, seccompCache } = parts.seccomp!;
      return compileSeccomp(k, profile, seccompCache(), (line) => o.log.debug(line));
    },
    sendListener: (fd) => {
      recordInit(creation);
      const { listenerPath: path = "", listenerMetadata: metadata } = profile!;
      parts.listener!.sendListener(
        k,
        { pid: state.pid, fd },
        { path, metadata },
        ociState(state, "creating"),
      );
    },
  };
}

/** Hooks, and what they are told. */
function hookPlan(creation: Creation): Some<"runtimeHooks" | "hookState" | "runtimeEnv"> {
  const { k, arena, config, parts, cgroup, resctrl, state } = creation;
  const { hooks, linux } = config.spec;
  return {
    runtimeHooks: () => {
      const { prestart, createRuntime } = hooks ?? {};
      if (!prestart?.length && !createRuntime?.length) return;
      recordInit(creation);
      // Hooks may look at the limits, or change them.
      cgroup.set(linux?.resources);
      resctrl?.enter(state.pid);
      parts.hooks!.runHooks(k, "prestart", prestart, state, "creating", arena);
      parts.hooks!.runHooks(k, "createRuntime", createRuntime, state, "creating", arena);
    },
    hookState: (status, pid) => JSON.stringify({ ...ociState(state, status), pid }),
    runtimeEnv: () => parts.hooks!.inheritedEnv(),
  };
}
