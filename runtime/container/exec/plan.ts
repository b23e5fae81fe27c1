/**
 * The plan of an exec: every decision, made before anything is done. Planning reads the container's record,
 * its config and the host, and starts nothing.
 * @module
 */

import type { LocalKernel } from "../../../ffi/local.ts";
import type { SignalRelay } from "../../../ffi/signal_relay.ts";
import type { ExecPlan as SetupPlan } from "../../../init/exec_context.ts";
import { readHostCapabilities } from "../../../init/identity.ts";
import { keyringName } from "../../../init/keyring.ts";
import type { Process, Spec } from "../../../spec/types.ts";
import { loadSubCgroups } from "../../cgroups/mod.ts";
import type { ExecFeature } from "../../features/feature.ts";
import type { Waiting } from "../../host/input.ts";
import type { Log } from "../../host/log.ts";
import { mark } from "../../host/trace.ts";
import { featuresOfExec } from "../features.ts";
import { warnLacking } from "../lacking_capabilities.ts";
import { type ContainerState, readState } from "../record.ts";
import { savedConfig } from "../saved_config.ts";
import { ociState } from "../status.ts";
import { limitsOf } from "./limits.ts";
import { type ProcessFlags, processFromFile, processFromFlags } from "./process.ts";

/** The options of an exec. */
export interface ExecOptions {
  /** State root, absolute. */
  root: string;
  id: string;
  /** The process: a path of a document, or changes to the container's own. */
  process: string | ProcessFlags;
  consoleSocket?: string;
  pidfdSocket?: string;
  detach: boolean;
  /** Absolute. */
  pidFile?: string;
  preserveFds: number;
  /** `--cgroup`, as given. */
  cgroups: readonly string[];
  ignorePaused: boolean;
  log: Log;
  /** Takes the master of the process's terminal in a foreground command; absent where tsrun leaves. */
  takeMaster?: (master: number) => void;
  /** Signals that a command that waits for the process keeps for it. */
  relay?: SignalRelay;
  /**
   * Adds a step that a command that waits for the process runs when the process has ended; absent for a
   * command that does not wait.
   */
  atEnd?: (step: () => void) => void;
}

/** Everything that an exec will do. */
export interface ExecPlan {
  options: ExecOptions;
  /** The container's record. */
  state: ContainerState;
  process: Process;
  /**
   * The container's setting holds for all of its processes. Without one the process would get the caller's.
   */
  oomScoreAdj: number | undefined;
  /** Directories of the process's cgroups, by controller. */
  cgroups: Record<string, string>;
  /** The plan for joiner and process. */
  setup: SetupPlan;
  /** The contributions of the optional features that this process uses. */
  features: readonly ExecFeature[];
}

/**
 * Plans an exec.
 *
 * @param k Only asks the host.
 * @param state The container's record, if the caller has read it already.
 * @throws {RuntimeError} If the process is wrong, or the host cannot do what it asks for.
 */
export async function planExec(
  k: LocalKernel,
  options: ExecOptions,
  state: ContainerState = readState(options.root, options.id),
): Promise<ExecPlan> {
  const { root, id, log } = options;
  const cgroups = await cgroupPaths(state, options.cgroups);
  const spec = savedConfig(root, id);
  const process = typeof options.process === "string"
    ? await processFromFile(k, options.process, spec.process, { log, wait: waitingFor(k, options) })
    : processFromFlags(spec.process, options.process, log);
  const features = await featuresOfExec({
    ...options,
    ...{ k, spec, process, pid: state.pid, resctrl: state.resctrl, state: ociState(state, "running") },
    debug: (line, place) => log.debug(line, place),
  });
  mark("process known", "runtime/container/exec/plan.ts planExec");
  const setup = planSetup(k, state, spec, process);
  // Capabilities that the container's own process could not get were reported when the container was made.
  const others = process.capabilities !== spec.process.capabilities;
  if (others && !spec.linux?.namespaces?.some(({ type }) => type === "user")) {
    warnLacking(log, process, setup.host);
  }
  return {
    ...{ options, state, process, cgroups, features },
    oomScoreAdj: process.oomScoreAdj ?? spec.process.oomScoreAdj,
    setup,
  };
}

/** Reads a document from a pipe so that a signal ends the read, if the command waits for the process. */
function waitingFor(k: LocalKernel, { relay }: ExecOptions): Waiting | undefined {
  if (relay === undefined) return undefined;
  return async (read) => {
    const { Interrupts } = await import("../interrupts.ts");
    const interrupts = new Interrupts(k, relay);
    try {
      return await interrupts.during(read);
    } finally {
      interrupts.disarm();
    }
  };
}

/** Directories of the process's cgroups, by controller. */
async function cgroupPaths(
  { cgroup }: ContainerState,
  wanted: readonly string[],
): Promise<Record<string, string>> {
  const paths = cgroup?.paths ?? {};
  return wanted.length === 0 ? paths : (await loadSubCgroups()).subCgroups(paths, wanted);
}

function planSetup(
  k: LocalKernel,
  { id, pid, noNewKeyring }: ContainerState,
  { linux, process: own }: Spec,
  process: Process,
): SetupPlan {
  const has = (wanted: string) => linux?.namespaces?.some(({ type }) => type === wanted) === true;
  const { initial, final } = process.execCPUAffinity ?? {};
  return {
    process,
    pid,
    timeNamespace: has("time"),
    foreignRoot: !has("mount"),
    keyring: noNewKeyring ? undefined : keyringName(id),
    host: readHostCapabilities(k),
    umask: process.user.umask ?? own.user.umask,
    resetAffinity: !initial && !final,
    limits: limitsOf(k, process.rlimits),
  };
}
