/**
 * What `create` and `exec` know of an optional feature. A feature is a module with a function that reads and
 * decides. Its result is steps for the stages of the processes involved.
 *
 *     table (container/features.ts) ── wanted? ── load ── forCreate(request) ──> CreateFeature:
 *                                                         decides, starts nothing; steps of tsrun, init
 *
 * Features know neither each other nor the life of a container. Only the order of the stages connects them.
 * @module
 */

import type { LocalKernel } from "../../ffi/local.ts";
import type { RemoteKernel } from "../../ffi/remote.ts";
import type { ExecSteps } from "../../init/exec_context.ts";
import type { Arena } from "../../init/executor.ts";
import type { Steps } from "../../init/lifecycle.ts";
import type { NamespacePlan } from "../../init/namespaces.ts";
import type { SetupSteps } from "../../init/setup_context.ts";
import type { Stage, StagePlan } from "../../init/stage.ts";
import type { Process, Spec, State, Status } from "../../spec/types.ts";
import type { CgroupHost, CgroupRecord, ResctrlRecord } from "../cgroups/mod.ts";
import type { HostMounts } from "../host/mounts.ts";
import type { DebugSink } from "../host/log.ts";

/** The facts that features decide by, for both commands. */
export interface Request {
  /** Asks the host. Features start nothing by it. */
  k: LocalKernel;
  id: string;
  /** The container's configuration. For `create` it is a copy, to which features may add. */
  spec: Spec;
  /** The process that is to run. */
  process: Process;
  consoleSocket?: string;
  pidfdSocket?: string;
  /** Socket of a service manager that waits until the container is ready. */
  notifySocket?: string;
  /** Takes the master of the process's terminal in a foreground command; absent where tsrun leaves. */
  takeMaster?: (master: number) => void;
  /**
   * Adds a step that a command that waits for the process runs when the process has ended; absent for a
   * command that does not wait.
   */
  atEnd?: (step: () => void) => void;
  /** Takes lines for `--debug`. */
  debug: DebugSink;
}

/** The facts that features of a `create` decide by. */
export interface CreateRequest extends Request {
  /** The container's state directory, which does not exist yet. */
  directory: string;
  namespaces: NamespacePlan;
  /** Absolute path of the rootfs, without links, and whether it is the root of the host. */
  rootfs: string;
  hostRoot: boolean;
  mounts: HostMounts;
  cgroups: CgroupHost;
  /** `--rootless`: features that need root's rights are left out, or refused. */
  rootless: boolean;
}

/** The facts that features of an `exec` decide by. */
export interface ExecRequest extends Request {
  /** Pid of the container's init. */
  pid: number;
  /** Record of the container's resctrl group. */
  resctrl: ResctrlRecord | undefined;
  /** The container's state, as hooks and agents get it. */
  state: State;
}

/** A create that is being carried out. */
export interface CreateDeed {
  readonly k: LocalKernel;
  readonly arena: Arena;
  readonly stage: Stage;
  /** The init, from the stage `clone` on. */
  readonly init: RemoteKernel;
  /** Uid of the process's user on the host. */
  readonly uid: number;
  /** The record of the cgroup as it is now. */
  readonly cgroup: CgroupRecord | null;
  /** Writes the resctrl group into the container's record; undefined if there is none. */
  recordResctrl(record: ResctrlRecord | undefined): void;
  /** Writes the mount that the container mounts on into the record, before it is attached. */
  recordRootMount(id: number): void;
  /**
   * Returns the init's pid on the host, and writes it into the container's record. The init must have been
   * cloned.
   */
  pid(): number;
  /** The container's state, as hooks and agents get it. */
  state(status: Status): State;
  /** Adds the function that undoes the last step, in case the create fails. */
  undo(step: () => void): void;
  /** Sets the limits now, before their stage: hooks may read or change them. */
  limit(): void;
}

/** The stages of tsrun itself in a create, in order. A comment names the features that have steps there. */
export const CREATE_STAGES = [
  "recorded", // readiness: directory of the socket
  "resources", // resctrl
  "cgroup",
  "root", // root mount
  "clone",
  "set up", // the init's stages: init/setup_context.ts
  "tidied", // user namespace, mount sources: what was needed for the mounts
  "open files",
  "cut off", // begins
  "limits", // resctrl
  "process limits", // when the init is cut off
  "known", // pidfd socket
  "created", // network devices
] as const;

/** A stage of tsrun in a create. */
export type CreateStage = typeof CREATE_STAGES[number];

/** The contribution of a feature to a create. */
export interface CreateFeature {
  /** Changes what the stage does before it clones the init. */
  stagePlan?(plan: StagePlan, deed: CreateDeed): StagePlan;
  /** Steps of tsrun. */
  host?: Steps<CreateStage, CreateDeed>;
  /** Steps of the init. */
  steps?(deed: CreateDeed): SetupSteps;
  /** Returns the uid on the host of a user of the container, if it is another number. */
  hostUid?(uid: number): number;
  /** The resctrl group for the container's record, before it is made. */
  resctrl?: ResctrlRecord;
  /** The command will wait for more than the process, by the event loop. */
  polls?: boolean;
}

/** An exec that is being carried out. */
export interface ExecDeed {
  readonly k: LocalKernel;
  readonly stage: Stage;
  /** The joiner; set in the stage `begun`. */
  readonly joiner: RemoteKernel;
  /** Uid of the process's user on the host. */
  readonly uid: number;
  /** Pid of the process on the host, from the stage `heard` on. */
  readonly pid: number;
}

/** The stages of tsrun itself in an exec, in order. A comment names the features that have steps there. */
export const EXEC_HOST_STAGES = [
  "connected", // pidfd socket
  "begun", // attributes; then the stages of joiner and process: init/exec_context.ts
  "limits", // resctrl, attributes
  "heard", // seccomp listener: the process has a pid, and may wait for an agent
  "running", // pidfd socket
] as const;

/** A stage of tsrun in an exec. */
export type ExecHostStage = typeof EXEC_HOST_STAGES[number];

/** The contribution of a feature to an exec. */
export interface ExecFeature {
  /** Steps of tsrun. */
  host?: Steps<ExecHostStage, ExecDeed>;
  /** Steps of the joiner and the process. */
  steps?(deed: ExecDeed): ExecSteps;
  /** Uid of the process's user on the host, if it is another number. */
  hostUid?: number;
}
