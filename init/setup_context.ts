/**
 * The stages of a container's first process, the init, between its birth and the state `created`; and what
 * the steps in them share. setup.ts has the core's steps; an optional feature contributes its own
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
import type { MountContext } from "./mounts.ts";
import type { NamespacePlan } from "./namespaces.ts";
import type { ProcessContext } from "./process_steps.ts";
import { checkArguments, uniqueEnv } from "./program.ts";
import type { SeccompFilter } from "./seccomp_listener.ts";
import type { DropRights } from "./start_program.ts";
import { openProcfs } from "./sysctl.ts";

/**
 * The stages in the order of the specification's lifecycle (runtime.md). A comment names who else has steps
 * there.
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
  answered: new Set<SetupStage>(["mount checks", "runtime hooks", "found", "program of records"]),
};

/** What a feature contributes. */
export type SetupSteps = Steps<SetupStage, Setup>;

/** What the init is to become: plain facts, known before there is a process. */
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
  /** Something may be mounted: in a mount namespace of the container's own, or on a copy of its root. */
  mountable: boolean;
  /** Name of the session keyring that the container gets; undefined: none of its own. */
  keyring: string | undefined;
  host: HostCapabilities;
  hasKcore: boolean;
  /** Mount points of the host; empty where no mount is to be shared with it. */
  mountPoints: readonly string[];
  /** Those that show a whole procfs or sysfs; empty but for `noPivot`. */
  procAndSys: readonly string[];
}

/** What there is of the stage and its surroundings once it runs. */
export interface SetupTools {
  /** Standard descriptors that are the host's null device. */
  nullStdio: readonly number[];
  /** Descriptors of the init: what it is driven through, and the memory shared with tsrun. */
  channel: number;
  arena: number;
  /** Whether tsrun's own user namespace, where that is the container's too, denies setgroups(2). */
  groupsDenied: () => boolean;
  /**
   * Gives the init the procfs that tsrun sees, once it is known to be one: for an init that may mount none.
   */
  hostProcfs: () => number;
}

/** Mounts an entry of a type of its own. */
export type MountKind = (k: Recorder, context: MountContext, mount: Mount) => void;

/** What the steps share. Features put their own ways in the place of those that are functions. */
export class Setup implements ProcessContext {
  readonly process: Process;
  readonly keyring: string | undefined;
  readonly nullStdio: readonly number[];
  readonly umask: number;
  readonly env: string[];
  readonly mounts: MountContext;
  /** Mounts by their type, where that takes more than the mount. */
  readonly mountKinds = new Map<string, MountKind>();
  host: HostCapabilities;
  groupsDenied: boolean | (() => boolean);
  /** Nodes of devices cannot be made: the host's are bound instead. */
  bindDevices = false;
  filter: SeccompFilter | null = null;
  path = "";
  barred = false;
  /** Descriptor of exec.fifo, opened while the process is still as much of tsrun as it ever is. */
  fifo!: Result;
  /**
   * A procfs that nobody else can have changed; from the stage `parameters` on, in a user namespace earlier.
   */
  procfs: Result | undefined;
  /** startContainer hooks, and what they are given. */
  startHooks: { hooks: readonly Hook[]; setting: HookSetting } | undefined;
  /** What remains to be done when the filter is loaded; undefined where the process has its final rights. */
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
    this.mounts = { root: -1, bundle, later: this.later, fresh: new Set(), copyUp: noCopy };
  }

  /** Descriptor of the container's root, from the stage `rootfs` on. */
  get root(): Fd {
    return this.mounts.root;
  }

  /** Opens a path of the host. */
  openHost: (path: string, flags: number) => Result = (path, flags) => this.k.open(path, flags);

  /** Opens a procfs that nobody else can have changed. */
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
