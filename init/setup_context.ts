/**
 * The stages of the init, a container's first process, from its birth to the state `created`, and the state
 * that their steps share. setup.ts has the core's steps. Optional features contribute steps of their own
 * (lifecycle.ts).
 * @module
 */

import type { Fd, Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import type { Hook, Mount, Process, Spec } from "../spec/types.ts";
import type { HookSetting } from "./hook_program.ts";
import type { HostCapabilities } from "./identity.ts";
import { makeInRoot } from "./in_root.ts";
import type { Lifecycle, Stages, Steps } from "./lifecycle.ts";
import type { Many } from "./many.ts";
import type { MountContext } from "./mount_context.ts";
import type { NamespacePlan } from "./namespaces.ts";
import type { ProcessContext } from "./process_steps.ts";
import { checkArguments, uniqueEnv } from "./program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";
import type { DropRights } from "./start_program.ts";
import { openProcfs } from "./sysctl.ts";

/**
 * The stages in the order of the specification's lifecycle (runtime.md). A comment names the features that
 * have steps there.
 */
const ORDER = [
  "birth", // user namespace: its id maps
  "session",
  "clocks", // time namespace
  "identity", // user namespace: its root
  "keyring label", // labels
  "keyring", // labels
  "namespaces", // network devices; user namespace: procfs
  "rootfs",
  "mounts",
  "mount checks", // checks
  "runtime hooks", // hooks: prestart, createRuntime
  "container hooks", // hooks: createContainer
  "root",
  "terminal", // terminal
  "names",
  "parameters",
  "paths",
  "working directory",
  "read-only mounts", // mounts that nothing more is made in
  "read-only root",
  "home",
  "labels", // labels
  "privileges",
  "attributes", // attributes
  "user",
  "filter", // seccomp
  "rights",
  "signals",
  "program",
  "found", // checks
  "shown", // user namespace
  "listener", // seccomp listener
  "start", // hooks: startContainer
  "program of records",
] as const;

/** A stage of the init. */
export type SetupStage = typeof ORDER[number];

/** See {@linkcode Stages}. */
export const SETUP_STAGES: Stages<SetupStage> = {
  order: ORDER,
  answered: new Set<SetupStage>(["mount checks", "runtime hooks", "found"]),
  // A program that the init runs by itself is a batch of its own.
  handedOver: new Set<SetupStage>(["program of records"]),
};

/** The steps that a feature contributes. */
export type SetupSteps = Steps<SetupStage, Setup>;

/** The process that the init is to become. These are plain facts, known before the init exists. */
export interface SetupPlan {
  spec: Spec;
  /** Absolute paths on the host. */
  bundle: string;
  rootfs: string;
  /** Whether the rootfs is the root of the host. */
  hostRoot: boolean;
  fifo: string;
  namespaces: NamespacePlan;
  noPivot: boolean;
  /** Whether mounts are possible: in a mount namespace of the container's own, or on a copy of its root. */
  mountable: boolean;
  /** Name of the session keyring that the container gets; undefined if it gets none of its own. */
  keyring: string | undefined;
  host: HostCapabilities;
  hasKcore: boolean;
  /** Mount points of the host; empty unless a mount is shared with the host. */
  mountPoints: readonly string[];
  /** Mount points that show a whole procfs or sysfs; empty unless `noPivot` is set. */
  procAndSys: readonly string[];
}

/** Facts of the stage and the init, known once they run. */
export interface SetupTools {
  /** Standard descriptors that are the host's null device. */
  nullStdio: readonly number[];
  /** Descriptors of the init: what it is driven through, and the memory shared with tsrun. */
  channel: number;
  arena: number;
  /** Returns whether setgroups(2) is denied in tsrun's own user namespace, if the container shares it. */
  groupsDenied: () => boolean;
  /**
   * Gives the init a descriptor of the procfs that tsrun sees, after checking that it is one. Called if the
   * init may not mount a procfs.
   */
  hostProcfs: () => number;
}

/** Makes a mount of a special type. */
export type MountKind = (k: Recorder, context: MountContext, mount: Mount) => void;

/** The state that the steps share. Features replace some of its functions by their own. */
export class Setup implements ProcessContext {
  readonly process: Process;
  readonly keyring: string | undefined;
  readonly nullStdio: readonly number[];
  readonly umask: number;
  readonly env: string[];
  readonly mounts: MountContext;
  /** Functions for mounts of special types, such as `cgroup`. */
  readonly mountKinds = new Map<string, MountKind>();
  /** What makes mounts and restricts paths where there are many. */
  many: Many | undefined;
  host: HostCapabilities;
  groupsDenied: boolean | (() => boolean);
  /** The init cannot make device nodes, so it binds the host's. */
  bindDevices = false;
  filter: SeccompFilter | null = null;
  path = "";
  barred = false;
  /** Descriptor of exec.fifo. It is opened early, while the process still sees the host's files. */
  fifo!: Result;
  /**
   * A procfs that only the kernel changes. It is opened in the stage `parameters`, in a user namespace
   * earlier.
   */
  procfs: Result | undefined;
  /** The startContainer hooks, and their state and environment. */
  startHooks: { hooks: readonly Hook[]; setting: HookSetting } | undefined;
  /** Reduces the rights after the filter is loaded; undefined if the process already has its final rights. */
  dropRights: DropRights | undefined;

  constructor(
    readonly k: Recorder,
    readonly plan: SetupPlan,
    readonly tools: SetupTools,
    readonly lifecycle: Lifecycle<SetupStage, Setup>,
  ) {
    const { spec, bundle } = plan, { args, env = [] } = spec.process;
    checkArguments(args, env);
    this.process = spec.process;
    this.keyring = plan.keyring;
    this.nullStdio = tools.nullStdio;
    this.groupsDenied = tools.groupsDenied;
    this.umask = spec.process.user.umask ?? 0o022;
    this.env = uniqueEnv(env);
    this.host = plan.host;
    this.mounts = { root: -1, bundle, later: this.later, fresh: new Set(), missed: 0, copyUp: noCopy };
  }

  /** Descriptor of the container's root; set in the stage `rootfs`. */
  get root(): Fd {
    return this.mounts.root;
  }

  /** Opens a path of the host. */
  openHost: (path: string, flags: number) => Result = (path, flags) => this.k.open(path, flags);

  /** Opens a procfs that only the kernel changes. */
  openProcfs(): Result {
    return openProcfs(this.k, this.tools.hostProcfs);
  }

  /** Makes the working directory. */
  readonly makeDirectory = (): void => makeInRoot(this.k, this.root, this.process.cwd, "directory");

  /** Copies the content of a directory of the host (`tmpcopyup`). */
  copyContent: (from: string, to: string) => void = noCopy;

  /** Adds a step to a later stage. */
  readonly later = (stage: SetupStage, step: () => void): void => this.lifecycle.add(stage, step);
}

function noCopy(): never {
  throw new Error("nothing copies the content of mounts here");
}
