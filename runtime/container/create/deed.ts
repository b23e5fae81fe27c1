/**
 * The deed of a create: it leads from a plan and a running stage to a container that waits for `start`, in
 * the order of the specification's lifecycle (runtime.md).
 *
 * Everything is recorded before it is made, so that `delete` finds it even if tsrun is killed.
 * @module
 */

import { AT_FDCWD, S_IFIFO } from "../../../ffi/constants.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import type { Arena } from "../../../init/executor.ts";
import { giveProcfs } from "../../../init/host_procfs.ts";
import { Lifecycle, type Steps } from "../../../init/lifecycle.ts";
import { removeLayersBelow, uncoverRoot } from "../../../init/own_root.ts";
import { type Ready, setUp } from "../../../init/setup.ts";
import type { Stage, StagePlan } from "../../../init/stage.ts";
import type { State, Status } from "../../../spec/types.ts";
import type { CgroupRecord, ResctrlRecord } from "../../cgroups/mod.ts";
import { CREATE_STAGES, type CreateDeed, type CreateStage } from "../../features/feature.ts";
import { callerDeniesGroups, callerIsRoot, callerVariable } from "../../host/caller.ts";
import { setMode, writeTextFile } from "../../host/files.ts";
import { inspectStdio } from "../../host/inherited_fds.ts";
import type { Log } from "../../host/log.ts";
import { writePidFile } from "../../host/pid_file.ts";
import { startTimeOf } from "../../host/process.ts";
import { setOpenFilesLimit, setRlimits } from "../../host/rlimits.ts";
import { mark } from "../../host/trace.ts";
import { type ContainerState, writeState } from "../record.ts";
import { ociState } from "../status.ts";
import type { UndoStack } from "../undo.ts";
import type { CreatePlan } from "./plan.ts";
import { prepareCommands } from "./prepare.ts";

/** The tools of a create. */
export interface CreateTools {
  k: LocalKernel;
  arena: Arena;
  stage: Stage;
}

/** A create that is being carried out. */
export class Deed implements CreateDeed {
  readonly k: LocalKernel;
  readonly arena: Arena;
  readonly stage: Stage;
  init!: RemoteKernel;
  ready!: Ready;
  /** The record. It is replaced, never changed. */
  record: ContainerState;
  readonly #lifecycle: Lifecycle<CreateStage, Deed>;
  readonly #undo: UndoStack;

  /** @param checkInterrupts Throws when a signal has asked to end the create. */
  constructor(
    tools: CreateTools,
    readonly plan: CreatePlan,
    undo: UndoStack,
    readonly checkInterrupts: () => void,
  ) {
    this.#undo = undo;
    this.k = tools.k;
    this.arena = tools.arena;
    this.stage = tools.stage;
    this.record = plan.state;
    const stages = { order: CREATE_STAGES, answered: new Set<CreateStage>() };
    this.#lifecycle = new Lifecycle(stages, [CORE, ...plan.features.map(({ host }) => host ?? {})]);
  }

  /** Runs all stages. The container's directory must exist and be locked. */
  carryOut(): void {
    this.#lifecycle.run(this.k, this);
  }

  get log(): Log {
    return this.plan.options.log;
  }

  get uid(): number {
    const { spec: { process: { user } }, features } = this.plan;
    const hostUid = features.find((feature) => feature.hostUid)?.hostUid;
    return hostUid ? hostUid(user.uid) : user.uid;
  }

  get cgroup(): CgroupRecord | null {
    return this.record.cgroup;
  }

  // These are properties, so that features can take them out of the deed.

  readonly pid = (): number => {
    const pid = this.stage.initPid;
    if (this.record.pid === pid) return pid;
    const startTime = startTimeOf(pid);
    if (startTime === undefined) {
      throw new RuntimeError("ESRCH_CONTAINER", "unable to start container process: it has ended");
    }
    this.note({ pid, startTime });
    return pid;
  };

  readonly state = (status: Status): State => ociState(this.record, status);

  readonly recordResctrl = (resctrl: ResctrlRecord | undefined): void => this.note({ resctrl });

  readonly recordRootMount = (rootMount: number): void => {
    this.note({ rootMount });
    this.save();
  };

  readonly undo = (step: () => void): void => this.#undo.add(step);

  readonly limit = (): void => this.#lifecycle.runStage("limits", this);

  /** Changes the record, but not yet the state file. */
  note(change: Partial<ContainerState>): void {
    this.record = { ...this.record, ...change };
  }

  /** Writes the record to the state file. */
  save(): void {
    writeState(this.plan.options.root, this.record);
  }
}

/** The core's steps. */
const CORE: Steps<CreateStage, Deed> = {
  recorded(deed) {
    const { k, plan } = deed;
    deed.save();
    writeTextFile(`${plan.directory}/config.json`, plan.configText, 0o600);
    makeFifo(k, plan.setup.fifo);
    mark("state recorded", "runtime/container/create/deed.ts recorded");
  },
  cgroup: makeCgroup,
  clone(deed) {
    // This line and two below are runc's, so that readers of --debug find the same steps.
    deed.log.debug(
      `nsexec container setup: stage ${deed.stage.pid}`,
      "runtime/container/create/deed.ts clone",
    );
    deed.init = deed.stage.init(stagePlan(deed));
  },
  "set up": setUpInit,
  "open files"({ k, stage, plan }) {
    setOpenFilesLimit(k, stage.initPid, plan.spec.process.rlimits);
  },
  // The init does this while tsrun sets the limits.
  "cut off": ({ ready }) => ready.cutOff(),
  limits(deed) {
    const { plan } = deed;
    plan.cgroup.set(plan.spec.linux?.resources);
    deed.pid();
  },
  "process limits"(deed) {
    const { k, ready, stage, plan } = deed;
    // While the init works; once, where limits are set before hooks as well.
    prepare(deed);
    ready.confirm();
    setRlimits(k, stage.initPid, plan.spec.process.rlimits);
    mark("limits set", "runtime/container/create/deed.ts process limits");
  },
  known: (deed) => deed.checkInterrupts(),
  created(deed) {
    const { pidFile } = deed.plan.options;
    if (pidFile !== undefined) writePidFile(pidFile, deed.record.pid);
    // Setting limits may have made the driver leave a hierarchy out.
    deed.note({ cgroup: deed.plan.cgroup.record });
    deed.save();
    deed.log.debug("init: closing the pipe to signal completion", "runtime/container/create/deed.ts created");
    deed.ready.release();
    mark("created", "runtime/container/create/deed.ts created");
  },
};

/** Makes the file through which `start` releases the init. The process's user must be able to write to it. */
function makeFifo(k: LocalKernel, path: string): void {
  k.mknodat(AT_FDCWD, path, S_IFIFO | 0o622, 0);
  setMode(path, 0o622);
}

function makeCgroup(deed: Deed): void {
  const { stage, plan: { cgroup, spec } } = deed;
  // If making it fails, there is no group to remove.
  deed.note({ cgroup: null });
  deed.note({ cgroup: cgroup.create(spec.linux?.resources, stage.pid), cgroupClaimed: true });
  deed.save();
  mark("cgroup made", "runtime/container/create/deed.ts makeCgroup");
}

/** Prepares the commands to come, of a container that its creator leaves to others. */
function prepare({ k, record, plan: { options, spec, cgroup } }: Deed): void {
  if (options.atEnd !== undefined) return;
  const notified = options.serviceManager && callerVariable("NOTIFY_SOCKET") !== undefined;
  const state = { ...record, cgroup: cgroup.record };
  prepareCommands(k, { root: options.root, state, hooks: spec.hooks, notified });
  mark("commands prepared", "runtime/container/create/deed.ts prepare");
}

/** What the stage does before it clones the init. */
function stagePlan(deed: Deed): StagePlan {
  const { plan: { cgroup, namespaces, spec, features, uncoverRoot: covered, layersBelowRoot } } = deed;
  const entry = cgroup.entry();
  const prepare = (k: Kernel) => {
    if (covered) uncoverRoot(k);
    if (layersBelowRoot > 0) removeLayersBelow(k, layersBelowRoot);
  };
  const plan: StagePlan = {
    namespaces,
    oomScoreAdj: spec.process.oomScoreAdj,
    unprivileged: !callerIsRoot(),
    cgroupTasks: entry.tasks,
    cloneInto: entry.cloneInto,
    prepare: covered || layersBelowRoot > 0 ? prepare : undefined,
  };
  return features.reduce((plan, feature) => feature.stagePlan?.(plan, deed) ?? plan, plan);
}

function setUpInit(deed: Deed): void {
  const { k, arena, stage, init, plan: { options, spec, setup, features } } = deed;
  // A terminal replaces the caller's standard streams.
  const { nulls: nullStdio, pipes } = spec.process.terminal
    ? { nulls: [] }
    : inspectStdio(k, deed.uid, options.atEnd !== undefined);
  if (pipes) deed.note({ stdio: pipes });
  const tools = {
    ...{ nullStdio, channel: stage.channelFd, arena: arena.fd, groupsDenied: callerDeniesGroups },
    hostProcfs: () => giveProcfs(k, init),
  };
  deed.ready = setUp(init, setup, tools, features.map((feature) => feature.steps?.(deed) ?? {}));
  deed.log.debug(
    `child process in init(): pid ${stage.initPid}`,
    "runtime/container/create/deed.ts setUpInit",
  );
  mark("init set up", "runtime/container/create/deed.ts setUpInit");
}
