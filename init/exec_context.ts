/**
 * The stages of one more process for a container, from the joiner's first step to execve(2); and what the
 * steps in them share. exec_setup.ts has the core's steps, and draws the processes; an optional feature
 * contributes its own.
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

/** The stages in order. A comment names who else has steps there. */
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
  // From here on it is the clone that runs.
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
  answered: new Set<ExecStage>(["found", "cut off"]),
};

/** What a feature contributes. */
export type ExecSteps = Steps<ExecStage, ExecSetup>;

/** A resource limit as prlimit(2) takes it. */
export interface Limit {
  resource: number;
  soft: Uint64;
  hard: Uint64;
  /** For error messages. */
  doing: string;
}

/** What the joiner joins, and what its clone is to become: plain facts, known before there is a joiner. */
export interface ExecPlan {
  process: Process;
  /** The container's init, by its pid on the host. */
  pid: number;
  /** The container has a time namespace other than the runtime's. */
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

/** What there is of the stage and its surroundings once it runs. */
export interface ExecTools {
  /** Standard descriptors that are the host's null device. */
  nullStdio: readonly number[];
  /**
   * Descriptors of the joiner: a pidfd of the container's init, what it reports to, its line to tsrun, and
   * the memory shared with it.
   */
  pidfd: number;
  report: number;
  channel: number;
  arena: number;
  /**
   * CLONE_NEW* flags of the namespaces that are other than the runtime's, asked when the kernel refuses to
   * join: others belong to a user namespace that the runtime, in one of its own, has no rights in.
   */
  otherNamespaces: () => number;
  /** Whether the runtime's own user namespace, where that is the container's too, denies setgroups(2). */
  groupsDenied: () => boolean;
}

/** What the steps share. */
export class ExecSetup implements ProcessContext {
  readonly process: Process;
  readonly keyring: string | undefined;
  readonly nullStdio: readonly number[];
  readonly umask: number | undefined;
  readonly env: string[];
  /** A directory that is missing is not made in a container that runs. */
  readonly makeDirectory = undefined;
  host: HostCapabilities;
  groupsDenied: boolean | (() => boolean);
  root: Fd = -1;
  filter: SeccompFilter | null = null;
  path = "";
  barred = false;
  /** CLONE_NEW* flags of the namespaces to join; undefined: all but the user namespace. */
  joined: number | undefined;
  /** File of a cgroup that the process enters itself. */
  cgroup: Result | undefined;
  /** Calls of features between an early filter and the program: the filter has to allow them. */
  readonly calls: SyscallName[] = [];
  /** Rights that the process itself needs, behind the clone. */
  readonly lateRights: CapabilityName[] = [];
  /** Whether the filter is loaded by a step of its own, because it asks an agent. */
  asks = false;
  /** When the filter is loaded, from the stage `rights` on. */
  placed!: Placement;
  /** Steps that report their failure, from the stage `cut off` on. */
  readonly reports: FailureReports;
  /** The result of the clone, from the stage `clone` on. */
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
