/**
 * The plan of a create: every decision, made before anything is done.
 *
 * Planning reads the bundle and the host and starts nothing. It needs neither root nor a running stage, so a
 * dry run can show the plan.
 * @module
 */

import { S_IFDIR, S_IFMT } from "../../../ffi/constants.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { layersBelowRoot } from "../../../ffi/mount_layers.ts";
import { stat } from "../../../ffi/stat.ts";
import { readHostCapabilities } from "../../../init/identity.ts";
import { keyringName } from "../../../init/keyring.ts";
import { hasNamespace, type NamespacePlan, planNamespaces } from "../../../init/namespaces.ts";
import type { SetupPlan } from "../../../init/setup_context.ts";
import { OCI_VERSION, type Spec } from "../../../spec/types.ts";
import { type CgroupDriver, loadDriver } from "../../cgroups/mod.ts";
import type { CreateFeature } from "../../features/feature.ts";
import { listenDescriptors, withListenDescriptors } from "../../features/readiness/activation.ts";
import { callerIsRoot, callerUid, callerVariable } from "../../host/caller.ts";
import { realPath } from "../../host/files.ts";
import type { Waiting } from "../../host/input.ts";
import type { Log } from "../../host/log.ts";
import { HostMounts } from "../../host/mounts.ts";
import { isRootless } from "../../host/rootless.ts";
import { mark } from "../../host/trace.ts";
import { readConfig } from "../config.ts";
import { featuresOfCreate, mountsOnHost } from "../features.ts";
import { containerDir } from "../id.ts";
import { warnLacking } from "../lacking_capabilities.ts";
import { type ContainerState, timestamp } from "../record.ts";

/** The options of a create. */
export interface CreateOptions {
  /** State root and bundle, absolute. */
  root: string;
  id: string;
  bundle: string;
  /** Absolute path of the configuration, where it is not the bundle's config.json. */
  config?: string;
  pidFile?: string;
  consoleSocket?: string;
  pidfdSocket?: string;
  noPivot: boolean;
  noNewKeyring: boolean;
  preserveFds: number;
  systemdCgroup: boolean;
  /** The container gets no cgroup, and no limits: it stays in the cgroup of tsrun. */
  noCgroup?: boolean;
  rootless: "auto" | "true" | "false";
  log: Log;
  /**
   * Whether the container gets the sockets of the service manager of this process: NOTIFY_SOCKET, LISTEN_FDS.
   */
  serviceManager: boolean;
  /** Takes the master of the process's terminal in a foreground command; absent where tsrun leaves. */
  takeMaster?: (master: number) => void;
  /**
   * Adds a step that a command that waits for the process runs when the process has ended; absent for a
   * command that does not wait.
   */
  atEnd?: (step: () => void) => void;
}

/** Everything that a create will do. */
export interface CreatePlan {
  options: CreateOptions;
  /** The configuration as it is carried out, and the text that is stored for later commands. */
  spec: Spec;
  configText: string;
  /** The container's state directory. */
  directory: string;
  /** The record that is written before anything else is made. */
  state: ContainerState;
  namespaces: NamespacePlan;
  /** The driver of the container's cgroups, which do not exist yet. */
  cgroup: CgroupDriver;
  /** The host's `/` is covered by other mounts. The stage has to uncover it. */
  uncoverRoot: boolean;
  /** How many mounts lie below the host's `/`, where the stage has to remove them; 0 where it has not. */
  layersBelowRoot: number;
  /** The plan for the init. */
  setup: SetupPlan;
  /** The contributions of the optional features that the container uses. */
  features: readonly CreateFeature[];
}

/**
 * Plans a create.
 *
 * @param k Only asks the host.
 * @param wait Runs the read of a config.json that is a pipe.
 * @throws {RuntimeError} If the bundle is wrong, or the host cannot do what it asks for.
 */
export async function planCreate(
  k: LocalKernel,
  options: CreateOptions,
  wait?: Waiting,
): Promise<CreatePlan> {
  const { root, id, bundle, log } = options;
  const { spec, text: configText } = await readConfig(k, bundle, log, wait, options.config);
  const listening = options.serviceManager ? listenDescriptors() : 0;
  if (listening > 0) spec.process.env = withListenDescriptors(spec.process.env, listening);
  const directory = containerDir(root, id);
  const rootless = isRootless(options.rootless, options.systemdCgroup);
  const rootfs = resolveRootfs(k, bundle, spec.root.path), hostRoot = isHostRoot(k, rootfs);
  const { planCgroup, readCgroupHost } = await loadDriver();
  const mounts = new HostMounts(), cgroups = readCgroupHost(mounts.text);
  const namespaces = planNamespaces(spec.linux?.namespaces);
  const features = await featuresOfCreate({
    ...options,
    ...{ k, spec, process: spec.process, directory, rootfs, hostRoot, rootless, mounts, cgroups, namespaces },
    notifySocket: options.serviceManager ? callerVariable("NOTIFY_SOCKET") : undefined,
    debug: (line, place) => log.debug(line, place),
  });
  mark("config read", "runtime/container/create/plan.ts planCreate");
  const { cgroupsPath } = spec.linux ?? {};
  const request = { id, cgroupsPath, systemd: options.systemdCgroup, rootless, spec, none: options.noCgroup };
  const cgroup = await planCgroup(() => k, request, cgroups);
  const state = newState(options, spec, rootfs, namespaces, cgroup);
  const resctrl = features.find((feature) => feature.resctrl)?.resctrl;
  const setup = planSetup(k, options, { spec, rootfs, hostRoot, directory, namespaces, mounts });
  // In a user namespace of its own the container has all capabilities.
  if (!hasNamespace(namespaces, "user")) warnLacking(options.log, spec.process, setup.host);
  return {
    ...{ options, spec, configText, directory, namespaces, cgroup, features },
    state: resctrl ? { ...state, resctrl } : state,
    ...planHostRoot(k, namespaces, mounts),
    setup,
  };
}

/** What hides above and below the host's root, from which the container's is to be the only one. */
function planHostRoot(
  k: LocalKernel,
  namespaces: NamespacePlan,
  mounts: HostMounts,
): Pick<CreatePlan, "uncoverRoot" | "layersBelowRoot"> {
  if (!callerIsRoot() || !namespaces.fresh.has("mount")) return { uncoverRoot: false, layersBelowRoot: 0 };
  const layers = layersBelowRoot(k);
  // One is usual. A shared one cannot be removed for the container alone, and pivot_root(2) refuses it.
  const removable = layers.length > 1 && !layers.some(({ shared }) => shared);
  return { uncoverRoot: mounts.rootIsCovered(), layersBelowRoot: removable ? layers.length : 0 };
}

/** The path of the rootfs without links. @throws {RuntimeError} If it is not a directory. */
export function resolveRootfs(k: LocalKernel, bundle: string, path: string): string {
  const rootfs = path.startsWith("/") ? path : `${bundle}/${path}`;
  let real: string;
  try {
    real = realPath(rootfs);
  } catch (error) {
    throw new RuntimeError("EINVAL_ROOTFS", `invalid rootfs ${JSON.stringify(rootfs)}: ${reasonOf(error)}`);
  }
  if (((stat(k, real)?.mode ?? 0) & S_IFMT) !== S_IFDIR) {
    throw new RuntimeError("EINVAL_ROOTFS", `invalid rootfs ${JSON.stringify(rootfs)}: not a directory`);
  }
  return real;
}

/** The record of a container that has no process yet. */
export function newState(
  { id, bundle, noNewKeyring }: Pick<CreateOptions, "id" | "bundle" | "noNewKeyring">,
  spec: Spec,
  rootfs: string,
  namespaces: NamespacePlan,
  cgroup: CgroupDriver,
): ContainerState {
  return {
    version: 1,
    id,
    ociVersion: spec.ociVersion || OCI_VERSION,
    bundle,
    rootfs,
    created: timestamp(),
    owner: callerUid(),
    pid: 0,
    startTime: "",
    pidNamespace: namespaces.fresh.has("pid"),
    cgroup: cgroup.record,
    cgroupClaimed: false,
    noNewKeyring,
    annotations: spec.annotations ?? {},
  };
}

/** Decisions that the init's plan depends on. */
interface Decided {
  spec: Spec;
  rootfs: string;
  hostRoot: boolean;
  directory: string;
  namespaces: NamespacePlan;
  mounts: HostMounts;
}

/** Reads only those facts of the host's mounts that the config makes necessary. */
function planSetup(
  k: LocalKernel,
  { id, bundle, noPivot, noNewKeyring }: CreateOptions,
  { spec, rootfs, hostRoot, directory, namespaces, mounts }: Decided,
): SetupPlan {
  const shared = spec.linux?.rootfsPropagation?.includes("shared");
  return {
    spec,
    bundle,
    rootfs,
    hostRoot,
    fifo: `${directory}/exec.fifo`,
    namespaces,
    noPivot,
    mountable: hasNamespace(namespaces, "mount") || mountsOnHost(spec),
    keyring: noNewKeyring ? undefined : keyringName(id),
    host: readHostCapabilities(k),
    hasKcore: mounts.hasKcore(),
    mountPoints: shared ? mounts.points() : [],
    procAndSys: noPivot ? mounts.procAndSys(rootfs) : [],
  };
}

/** Whether a directory is the host's root, under any path. */
function isHostRoot(k: LocalKernel, path: string): boolean {
  const root = stat(k, "/"), other = stat(k, path);
  return root !== undefined && other !== undefined && root.inode === other.inode &&
    root.dev.major === other.dev.major && root.dev.minor === other.dev.minor;
}
