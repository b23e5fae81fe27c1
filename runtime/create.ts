/**
 * `create`: from a bundle to a container that waits for `start`.
 *
 * The order is the specification's lifecycle (runtime.md). What is made is recorded before it is made, so that
 * whatever happens to tsrun, `delete` finds all of it.
 * @module
 */

import { AT_FDCWD, S_IFIFO, SIGKILL } from "../ffi/constants.ts";
import { local, type LocalKernel } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import { Arena, ExecutorGone } from "../init/executor.ts";
import { readHostCapabilities } from "../init/identity.ts";
import { hasNamespace, type NamespacePlan, planNamespaces } from "../init/namespaces.ts";
import { setUp, type SetupPlan } from "../init/setup.ts";
import { reap, Stage } from "../init/stage.ts";
import { MOUNT_COPY_UP } from "../spec/mount_options.ts";
import type { Spec } from "../spec/types.ts";
import { type CgroupDriver, planCgroup } from "./cgroups/driver.ts";
import { type CgroupHost, readCgroupHost } from "./cgroups/host.ts";
import { type Config, readConfig } from "./config.ts";
import type { TerminalRequest } from "./console_socket.ts";
import { reasonOf, RuntimeError } from "./errors.ts";
import { lockContainer } from "./lock.ts";
import type { Log } from "./log.ts";
import { HostMounts } from "./host_mounts.ts";
import { checkPreserved, inspectStdio } from "./inherited_fds.ts";
import { writePidFile } from "./pid_file.ts";
import { setRlimits } from "./rlimits.ts";
import {
  containerDir,
  type ContainerState,
  createStateDir,
  ociState,
  startTimeOf,
  timestamp,
  writeState,
} from "./state.ts";
import { mark } from "./trace.ts";

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
  /** Takes the master of the process's terminal, by a tsrun that stays; absent when it leaves. */
  takeMaster?: (master: number) => void;
}

/** Everything that a create in progress has in hand. */
interface Creation {
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
  state: ContainerState;
}

/** Code that only some containers need. */
interface Parts {
  hooks: typeof import("./hooks.ts") | undefined;
  seccomp: typeof import("./seccomp.ts") | undefined;
  listener: typeof import("./seccomp_listener.ts") | undefined;
  terminal: typeof import("./console_socket.ts") | undefined;
  attributes: typeof import("../init/process_attributes.ts") | undefined;
  copyUp: typeof import("./copy_up.ts") | undefined;
  cgroupMount: typeof import("./cgroups/mount.ts") | undefined;
}

/** Loads what this container needs: what is not loaded is not compiled, and compiling is most of the time there is. */
async function loadParts(
  { consoleSocket }: CreateOptions,
  { process, hooks, linux, mounts = [] }: Spec,
): Promise<Parts> {
  const hooked = Object.values(hooks ?? {}).some((list) => list.length > 0);
  return {
    hooks: hooked ? await import("./hooks.ts") : undefined,
    seccomp: linux?.seccomp ? await import("./seccomp.ts") : undefined,
    listener: linux?.seccomp?.listenerPath ? await import("./seccomp_listener.ts") : undefined,
    terminal: process.terminal || consoleSocket ? await import("./console_socket.ts") : undefined,
    attributes: process.scheduler ?? process.ioPriority ?? linux?.personality ?? linux?.memoryPolicy
      ? await import("../init/process_attributes.ts")
      : undefined,
    copyUp: mounts.some(({ options }) => options?.includes(MOUNT_COPY_UP))
      ? await import("./copy_up.ts")
      : undefined,
    cgroupMount: mounts.some(({ type }) => type === "cgroup")
      ? await import("./cgroups/mount.ts")
      : undefined,
  };
}

/**
 * Makes a container.
 *
 * @returns Its record; its init is this process's child and waits for `start`.
 * @throws {RuntimeError} For whatever failed, when everything made until then is gone again.
 */
export async function createContainer(o: CreateOptions): Promise<ContainerState> {
  checkOptions(o);
  const k = local();
  checkPreserved(k, o.preserveFds);
  const arena = new Arena(k, o.preserveFds);
  const stage = new Stage(arena, o.preserveFds);
  mark("stage started");
  const config = await readConfig(o.bundle, o.log);
  const parts = await loadParts(o, config.spec);
  parts.terminal?.checkTerminal(terminalRequest(o, config.spec));
  mark("config read");
  const rootfs = resolveRootfs(o.bundle, config.spec.root.path);
  const mounts = new HostMounts();
  const cgroupHost = readCgroupHost(mounts.text);
  const { cgroupsPath } = config.spec.linux ?? {};
  const cgroup = planCgroup({ id: o.id, cgroupsPath, systemd: o.systemdCgroup, rootless: false }, cgroupHost);
  const namespaces = planNamespaces(config.spec.linux?.namespaces);
  const state = newState(o, config.spec, rootfs, namespaces);
  createStateDir(o.root, o.id);
  using _lock = lockContainer(o.root, o.id);
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
    state,
  };
  try {
    build(creation);
  } catch (error) {
    throw await undo(creation, error);
  }
  return state;
}

/** What can be refused before anything is read. */
function checkOptions(o: CreateOptions): void {
  if (Deno.uid() !== 0) {
    throw new RuntimeError("containers without root are not supported yet: run as root");
  }
  if (o.pidfdSocket !== undefined) throw new RuntimeError("--pidfd-socket is not supported yet");
}

function resolveRootfs(bundle: string, path: string): string {
  const rootfs = path.startsWith("/") ? path : `${bundle}/${path}`;
  try {
    const real = Deno.realPathSync(rootfs);
    if (!Deno.statSync(real).isDirectory) {
      throw new RuntimeError(`invalid rootfs ${JSON.stringify(rootfs)}: not a directory`);
    }
    return real;
  } catch (error) {
    if (error instanceof RuntimeError) throw error;
    throw new RuntimeError(`invalid rootfs ${JSON.stringify(rootfs)}: ${reasonOf(error)}`);
  }
}

function newState(
  o: CreateOptions,
  spec: Spec,
  rootfs: string,
  namespaces: NamespacePlan,
): ContainerState {
  return {
    version: 1,
    id: o.id,
    ociVersion: spec.ociVersion,
    bundle: o.bundle,
    rootfs,
    created: timestamp(),
    owner: Deno.uid() ?? 0,
    pid: 0,
    startTime: "",
    pidNamespace: namespaces.fresh.has("pid"),
    cgroup: null,
    annotations: spec.annotations ?? {},
  };
}

/** The container's way from a record to `created`. */
function build(creation: Creation): void {
  const { o, k, stage, config, namespaces, cgroup, state } = creation;
  const { spec } = config;
  const directory = containerDir(o.root, o.id);
  writeState(o.root, state);
  Deno.writeTextFileSync(`${directory}/config.json`, config.text, { mode: 0o600 });
  makeFifo(k, `${directory}/exec.fifo`);
  mark("state recorded");
  cgroup.create(spec.linux?.resources);
  state.cgroup = cgroup.record;
  writeState(o.root, state);
  mark("cgroup made");
  // A terminal takes the place of what the caller has there.
  const nullStdio = spec.process.terminal ? [] : inspectStdio(k, spec.process.user.uid);
  const entry = cgroup.entry();
  const init = stage.init({
    namespaces,
    oomScoreAdj: spec.process.oomScoreAdj,
    cgroupTasks: entry.tasks,
    cloneInto: entry.cloneInto,
  });
  const ready = setUp(init, setupPlan(creation, init, `${directory}/exec.fifo`, nullStdio));
  mark("init set up");
  cgroup.set(spec.linux?.resources);
  setRlimits(k, stage.initPid, spec.process.rlimits);
  mark("limits set");
  recordInit(creation);
  if (o.pidFile !== undefined) writePidFile(o.pidFile, state.pid);
  writeState(o.root, state);
  ready.release();
  mark("created");
}

/** Notes who the init is. */
function recordInit({ stage, state }: Creation): void {
  state.pid = stage.initPid;
  state.startTime = startTimeOf(state.pid) ?? "";
}

/** Who has the terminal. */
function terminalRequest({ consoleSocket, takeMaster }: CreateOptions, { process }: Spec): TerminalRequest {
  return { terminal: process.terminal, consoleSocket, takeMaster };
}

function setupPlan(
  creation: Creation,
  init: RemoteKernel,
  fifo: string,
  nullStdio: readonly number[],
): SetupPlan {
  const { o, k, arena, stage, config, parts, namespaces, mounts, cgroupHost, cgroup, state } = creation;
  const { spec } = config;
  const { linux } = spec;
  const debug = (line: string) => o.log.debug(line);
  return {
    id: o.id,
    spec,
    bundle: o.bundle,
    rootfs: state.rootfs,
    fifo,
    namespaces,
    noPivot: o.noPivot,
    noNewKeyring: o.noNewKeyring,
    attributes: parts.attributes && ((k) => parts.attributes!.setAttributes(k, spec.process, linux)),
    host: readHostCapabilities(k),
    filter: () =>
      linux?.seccomp
        ? parts.seccomp!.compileSeccomp(linux.seccomp, parts.seccomp!.SECCOMP_CACHE, debug)
        : null,
    sendListener: (fd) => {
      recordInit(creation);
      const { listenerPath = "", listenerMetadata: metadata } = linux!.seccomp!;
      parts.listener!.sendListener(
        k,
        { pid: state.pid, fd },
        { path: listenerPath, metadata },
        state,
        "creating",
      );
    },
    terminal: spec.process.terminal
      ? (root) => {
        const ownMounts = hasNamespace(namespaces, "mount");
        parts.terminal!.makeTerminal(init, root, spec.process, terminalRequest(o, spec), ownMounts);
      }
      : undefined,
    nullStdio,
    hasKcore: mounts.hasKcore(),
    mountPoints: () => mounts.points(),
    procAndSys: () => mounts.procAndSys(state.rootfs),
    cgroupMount: () =>
      parts.cgroupMount!.planCgroupMount({
        mounts: cgroupHost.mounts,
        record: cgroup.record,
        own: cgroupHost.own,
        cgroupNamespace: namespaces.fresh.has("cgroup"),
      }),
    copyUp: (from, to) =>
      parts.copyUp!.copyContent(`/proc/${stage.initPid}/fd/${from}`, `/proc/${stage.initPid}/fd/${to}`),
    runtimeHooks: () => {
      const { prestart, createRuntime } = spec.hooks ?? {};
      if (!prestart?.length && !createRuntime?.length) return;
      recordInit(creation);
      // Hooks may look at the limits, or change them.
      cgroup.set(linux?.resources);
      parts.hooks!.runHooks("prestart", prestart, state, "creating", arena);
      parts.hooks!.runHooks("createRuntime", createRuntime, state, "creating", arena);
    },
    hookState: (status, pid) => JSON.stringify({ ...ociState(state, status), pid }),
    runtimeEnv: () => parts.hooks!.inheritedEnv(),
  };
}

/** The file by whose opening `start` lets the init go on; the process's user must be able to write to it. */
function makeFifo(k: LocalKernel, path: string): void {
  k.mknodat(AT_FDCWD, path, S_IFIFO | 0o622, 0);
  Deno.chmodSync(path, 0o622);
}

/** Removes everything that a failed create has made; returns the error to report. */
async function undo({ o, k, stage, config, parts, state }: Creation, error: unknown): Promise<RuntimeError> {
  const { destroyContainer } = await import("./delete.ts");
  let message = reasonOf(error);
  const pid = stage.initPid;
  if (pid !== 0) {
    k.kill(pid, SIGKILL, { allow: "any" });
    reap(k, pid);
  }
  if (error instanceof ExecutorGone) message = `unable to start container process: ${message}`;
  try {
    destroyContainer(o.root, { ...state, pid: 0 });
  } catch (cleanup) {
    message += `; and cleaning up failed: ${reasonOf(cleanup)}`;
  }
  const failures = parts.hooks?.runPoststop(config.spec.hooks?.poststop, state) ?? [];
  const failed = new RuntimeError([message, ...failures].join("; "));
  if (error instanceof Error) failed.stack = error.stack;
  return failed;
}
