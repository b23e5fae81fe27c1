/**
 * The stages of one more process for a container, from the joiner's first step to execve(2), and the state
 * that their steps share. exec_setup.ts has the core's steps and draws the processes. Optional features
 * contribute steps of their own.
 * @module
 */

import type { Fd, Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import type { SyscallName } from "../ffi/syscalls.ts";
import type { CapabilityName } from "../spec/capabilities.ts";
import type { Process, Uint64 } from "../spec/types.ts";
import { FailureReports } from "./failure_report.ts";
import type { Placement } from "./filter_placement.ts";
import type { HostCapabilities } from "./identity.ts";
import type { Lifecycle, Stages, Steps } from "./lifecycle.ts";
import type { ProcessContext } from "./process_steps.ts";
import { checkArguments, uniqueEnv } from "./program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";

/** The stages in order. A comment names the features that have steps there. */
const ORDER = [
  "host", // labels: procfs; user namespace, terminal, attributes, seccomp listener: what they will want
  "namespaces",
  "identity", // user namespace: its root
  "root",
  "keyring label", // labels
  "keyring", // labels
  "terminal", // terminal
  "working directory",
  "home",
  "labels", // labels
  "privileges",
  "attributes", // attributes
  "user",
  "filter", // seccomp
  "rights",
  "program",
  "found", // checks
  "listener", // seccomp listener
  "cut off",
  "early filter",
  "clone",
  // From here on the clone runs.
  "session",
  "own terminal", // terminal
  "limits",
  "scheduler", // attributes
  "late filter",
  "execve",
] as const;

/** A stage of an exec. */
export type ExecStage = typeof ORDER[number];

/** See {@linkcode Stages}. */
export const EXEC_STAGES: Stages<ExecStage> = {
  order: ORDER,
  answered: new Set<ExecStage>(["found"]),
  // From here on the joiner runs by itself: that is a batch of its own.
  handedOver: new Set<ExecStage>(["cut off"]),
};

/** The steps that a feature contributes. */
export type ExecSteps = Steps<ExecStage, ExecSetup>;

/** A resource limit as prlimit(2) takes it. */
export interface Limit {
  resource: number;
  soft: Uint64;
  hard: Uint64;
  /** For error messages. */
  doing: string;
}

/**
 * The container that the joiner joins, and the process that its clone is to become. These are plain facts,
 * known before the joiner exists.
 */
export interface ExecPlan {
  process: Process;
  /** The container's init, by its pid on the host. */
  pid: number;
  /** Whether the container has another time namespace than the runtime. */
  timeNamespace: boolean;
  /**
   * The container shares the mount namespace of the runtime that created it, so its root is not the root of
   * that namespace.
   */
  foreignRoot: boolean;
  /** Name of the container's session keyring; undefined where it has none. */
  keyring: string | undefined;
  host: HostCapabilities;
  /** File mode creation mask; undefined keeps the caller's. */
  umask: number | undefined;
  /** Lets the joiner run on all CPUs of its cgroup again, when no affinity is asked for. */
  resetAffinity: boolean;
  limits: readonly Limit[];
  /**
   * Path, on the host, of a cgroup's file that the process writes to in order to enter the cgroup; absent
   * where the stage has entered it.
   */
  enter?: string;
}

/** Facts of the stage and the joiner, known once they run. */
export interface ExecTools {
  /** Standard descriptors that are the host's null device. */
  nullStdio: readonly number[];
  /**
   * Descriptors of the joiner: a pidfd of the container's init, the one for its report, its line to tsrun,
   * and the memory shared with it.
   */
  pidfd: number;
  report: number;
  channel: number;
  arena: number;
  /**
   * Returns the CLONE_NEW* flags of the namespaces that differ from the runtime's. Called when the kernel
   * refuses to join: the others may belong to a user namespace in which the runtime has no rights.
   */
  otherNamespaces: () => number;
  /**
   * Returns whether setgroups(2) is denied in the runtime's own user namespace, if the container shares it.
   */
  groupsDenied: () => boolean;
}

/** The state that the steps share. */
export class ExecSetup implements ProcessContext {
  readonly process: Process;
  readonly keyring: string | undefined;
  readonly nullStdio: readonly number[];
  readonly umask: number | undefined;
  readonly env: string[];
  /** A missing directory is not made in a running container. */
  readonly makeDirectory = undefined;
  host: HostCapabilities;
  groupsDenied: boolean | (() => boolean);
  root: Fd = -1;
  filter: SeccompFilter | null = null;
  path = "";
  barred = false;
  /** CLONE_NEW* flags of the namespaces to join; undefined means all but the user namespace. */
  joined: number | undefined;
  /** File of a cgroup that the process enters by itself. */
  cgroup: Result | undefined;
  /** System calls of features between an early filter and the program. An early filter has to allow them. */
  readonly calls: SyscallName[] = [];
  /** Rights that the process itself needs after the clone. */
  readonly lateRights: CapabilityName[] = [];
  /** Whether a feature's step loads the filter, because the filter asks an agent. */
  asks = false;
  /** Where the filter is loaded; set in the stage `rights`. */
  placed!: Placement;
  /** Steps that report their failure; used from the stage `cut off` on. */
  readonly reports: FailureReports;
  /** The result of the clone; set in the stage `clone`. */
  cloned!: Result;

  constructor(
    readonly k: Recorder,
    readonly plan: ExecPlan,
    readonly tools: ExecTools,
    readonly lifecycle: Lifecycle<ExecStage, ExecSetup>,
  ) {
    const { args, env = [] } = plan.process;
    checkArguments(args, env);
    this.process = plan.process;
    this.keyring = plan.keyring;
    this.nullStdio = tools.nullStdio;
    this.groupsDenied = tools.groupsDenied;
    this.umask = plan.umask;
    this.env = uniqueEnv(env);
    this.host = plan.host;
    this.reports = new FailureReports(k, tools.report);
  }

  /** Adds a step to a later stage. */
  readonly later = (stage: ExecStage, step: () => void): void => this.lifecycle.add(stage, step);
}
