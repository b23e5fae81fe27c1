/**
 * What an optional feature of a container is to `create` and `exec`: a module with a function that reads and
 * decides, and what that function answers, which is steps for the stages of the processes involved.
 *
 *     table (container/features.ts) ── wanted? ── load ── forCreate(request) ──> CreateFeature
 *                                                         │ decides, starts nothing     │ steps of tsrun, and of the init
 *
 * Features know neither each other nor the life of a container; they meet only in the order of their stages.
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

/** What both commands decide features by. */
export interface Request {
  /** Asks the host; nothing is started by it. */
  k: LocalKernel;
  id: string;
  /** The container's configuration; for `create` a copy of its own, which features may add to. */
  spec: Spec;
  /** The process that is to run. */
  process: Process;
  consoleSocket?: string;
  pidfdSocket?: string;
  /** Where a service manager waits to hear that the container is ready. */
  notifySocket?: string;
  /** Takes the master of the process's terminal in a foreground command; absent where tsrun leaves. */
  takeMaster?: (master: number) => void;
  /** Takes what is to be done when the process has ended, by a tsrun that stays; absent when it leaves. */
  atEnd?: (step: () => void) => void;
  /** Takes lines for `--debug`. */
  debug: (line: string) => void;
}

/** What a `create` decides features by. */
export interface CreateRequest extends Request {
  /** The container's state directory, which is not there yet. */
  directory: string;
  namespaces: NamespacePlan;
  /** Absolute path of the rootfs, without links, and whether it is the root of the host. */
  rootfs: string;
  hostRoot: boolean;
  mounts: HostMounts;
  cgroups: CgroupHost;
  /** What cannot be had without root's rights is done without, or refused: `--rootless`. */
  rootless: boolean;
}

/** What an `exec` decides features by. */
export interface ExecRequest extends Request {
  /** The container's init. */
  pid: number;
  /** Its group in resctrl. */
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
  /** The process's user, as the host knows it. */
  readonly uid: number;
  /** The record of the cgroup as it is now. */
  readonly cgroup: CgroupRecord | null;
  /** Notes the group in resctrl in the container's record; undefined: there is none. */
  recordResctrl(record: ResctrlRecord | undefined): void;
  /** Writes down the mount that the container mounts on, before it is attached. */
  recordRootMount(id: number): void;
  /** The init's pid on the host, once it is born; noted in the container's record. */
  pid(): number;
  /** The container's state, as hooks and agents get it. */
  state(status: Status): State;
  /** Says how to undo what has just been done, should the create fail. */
  undo(step: () => void): void;
  /** Sets the limits now, ahead of their stage: hooks may look at them, or change them. */
  limit(): void;
}

/** What tsrun itself does in a create, in this order. A comment names who else has steps there. */
export const CREATE_STAGES = [
  "recorded", // readiness: directory of the socket
  "resources", // resctrl
  "cgroup",
  "root", // root mount
  "clone",
  "set up", // the init's stages: init/setup_context.ts
  "tidied", // user namespace, mount sources: what was needed for the mounts
  "limits", // resctrl
  "open files",
  "cut off",
  "process limits",
  "known", // pidfd socket
  "created", // network devices
] as const;

/** A stage of tsrun's in a create. */
export type CreateStage = typeof CREATE_STAGES[number];

/** What a feature does in a create. */
export interface CreateFeature {
  /** Changes what the stage does before it clones the init. */
  stagePlan?(plan: StagePlan, deed: CreateDeed): StagePlan;
  /** Steps of tsrun. */
  host?: Steps<CreateStage, CreateDeed>;
  /** Steps of the init. */
  steps?(deed: CreateDeed): SetupSteps;
  /** Who a user of the container is on the host, where that is another number. */
  hostUid?(uid: number): number;
  /** What the container's record says of its group in resctrl, before that is made. */
  resctrl?: ResctrlRecord;
  /** A tsrun that stays will wait for more than the process: from the event loop. */
  polls?: boolean;
}

/** An exec that is being carried out. */
export interface ExecDeed {
  readonly k: LocalKernel;
  readonly stage: Stage;
  /** The joiner, when the stage `begun` is over. */
  readonly joiner: RemoteKernel;
  /** The process's user, as the host knows it. */
  readonly uid: number;
  /** Pid of the process on the host, from the stage `heard` on. */
  readonly pid: number;
}

/** What tsrun itself does in an exec, in this order. A comment names who else has steps there. */
export const EXEC_HOST_STAGES = [
  "connected", // pidfd socket
  "begun", // attributes; then the stages of joiner and process: init/exec_context.ts
  "limits", // resctrl, attributes
  "heard", // seccomp listener: the process has a pid, and may wait for an agent
  "running", // pidfd socket
] as const;

/** A stage of tsrun's in an exec. */
export type ExecHostStage = typeof EXEC_HOST_STAGES[number];

/** What a feature does in an exec. */
export interface ExecFeature {
  /** Steps of tsrun. */
  host?: Steps<ExecHostStage, ExecDeed>;
  /** Steps of the joiner and the process. */
  steps?(deed: ExecDeed): ExecSteps;
  /** Who the process's user is on the host, where that is another number. */
  hostUid?: number;
}
