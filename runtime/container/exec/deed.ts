/**
 * The deed of an exec: it leads from a plan and a running stage to a running process.
 *
 * tsrun drives the process that the stage becomes (init/exec_setup.ts). From the clone on the process runs
 * without tsrun. tsrun then reads a socket that closes on exec: if it holds nothing but a pid, the exec has
 * succeeded.
 * @module
 */

import type { LocalKernel } from "../../../ffi/local.ts";
import type { RemoteKernel } from "../../../ffi/remote.ts";
import { setUpExec } from "../../../init/exec_setup.ts";
import { Lifecycle, type Steps } from "../../../init/lifecycle.ts";
import type { Stage } from "../../../init/stage.ts";
import type { ExecEntry } from "../../cgroups/mod.ts";
import { EXEC_HOST_STAGES, type ExecDeed, type ExecHostStage } from "../../features/feature.ts";
import { readText } from "../../host/files.ts";
import { callerDeniesGroups, callerIsRoot } from "../../host/caller.ts";
import { inspectStdio } from "../../host/inherited_fds.ts";
import { otherNamespaces } from "../../host/namespaces.ts";
import { mark } from "../../host/trace.ts";
import { raiseLimits } from "./limits.ts";
import type { ExecPlan } from "./plan.ts";
import { hearReports, type Report } from "./reports.ts";

/** Returns another cgroup for the one that the kernel refused with this errno. */
export type Elsewhere = (errno: number) => string | undefined;

/** The tools of an exec: a running stage, and descriptors of the stage and of the process that it becomes. */
export interface ExecTools {
  k: LocalKernel;
  stage: Stage;
  /** A pidfd of the container's init. */
  pidfd: number;
  report: Report;
}

/** An exec that is being carried out. */
export class Deed implements ExecDeed {
  readonly k: LocalKernel;
  readonly stage: Stage;
  joiner!: RemoteKernel;
  pid = 0;
  readonly #lifecycle: Lifecycle<ExecHostStage, Deed>;

  constructor(readonly tools: ExecTools, readonly plan: ExecPlan) {
    this.k = tools.k;
    this.stage = tools.stage;
    const stages = { order: EXEC_HOST_STAGES, answered: new Set<ExecHostStage>() };
    this.#lifecycle = new Lifecycle(stages, [CORE, ...plan.features.map(({ host }) => host ?? {})]);
  }

  get uid(): number {
    const { features, process } = this.plan;
    return features.find(({ hostUid }) => hostUid !== undefined)?.hostUid ?? process.user.uid;
  }

  /** Runs one of tsrun's stages. */
  do(stage: ExecHostStage): void {
    this.#lifecycle.runStage(stage, this);
  }

  /**
   * Takes the stage to a process that only waits to be released, and releases it.
   *
   * @param entry How the stage enters the cgroups.
   * @param elsewhere Returns another cgroup to be cloned into, when the kernel refuses the first.
   */
  setUp(entry: ExecEntry, elsewhere: Elsewhere | undefined): void {
    const { plan: { options: { log }, oomScoreAdj }, stage } = this;
    this.do("begun");
    // These lines are runc's, so that readers of --debug find the same steps.
    log.debug(`nsexec container setup: stage ${stage.pid}`, "runtime/container/exec/deed.ts setUp");
    if (log.debugging) {
      log.debug(
        `nsexec[${stage.pid}]: affinity: ${affinityOf(stage.pid)}`,
        "runtime/container/exec/deed.ts setUp",
      );
    }
    this.joiner = stage.init({
      namespaces: { fresh: new Set(), joins: [] },
      oomScoreAdj,
      unprivileged: !callerIsRoot(),
      cgroupTasks: entry.tasks,
      cloneInto: entry.cloneInto,
      cloneElsewhere: elsewhere,
    });
    this.joiner.subject.name = "joiner";
    const ready = this.#setUpJoiner(entry);
    this.do("limits");
    ready.release();
  }

  #setUpJoiner(entry: ExecEntry) {
    const { k, joiner, stage, plan: { options, process, setup, features }, tools: { pidfd, report } } = this;
    const nullStdio = process.terminal ? [] : inspectStdio(k, this.uid, options.atEnd !== undefined).nulls;
    const descriptors = { pidfd, report: report.write, channel: stage.channelFd, arena: stage.arena.fd };
    const ready = setUpExec(
      joiner,
      { ...setup, enter: entry.enter },
      {
        ...{ nullStdio, ...descriptors, groupsDenied: callerDeniesGroups },
        otherNamespaces: () => otherNamespaces(setup.pid),
      },
      features.map((feature) => feature.steps?.(this) ?? {}),
    );
    options.log.debug(
      `child process in init(): the joiner of stage ${stage.pid}`,
      "runtime/container/exec/deed.ts setUpJoiner",
    );
    options.log.debug("setns_init: about to exec", "runtime/container/exec/deed.ts setUpJoiner");
    mark("process set up", "runtime/container/exec/deed.ts setUpJoiner");
    return ready;
  }

  /**
   * Waits until the process has become its program. @throws {RuntimeError} The failure that it reports
   * instead.
   */
  hear(): void {
    const { k, plan: { features, process }, stage, tools: { report } } = this;
    const asked = features.some(({ host }) => host?.heard);
    this.pid = hearReports({
      k,
      report,
      joiner: stage.initPid,
      terminal: process.terminal === true,
      heard: asked
        ? (pid) => {
          this.pid = pid;
          this.do("heard");
        }
        : undefined,
    });
  }
}

/** The core's steps. */
const CORE: Steps<ExecHostStage, Deed> = {
  limits: ({ k, stage, plan }) => raiseLimits(k, stage.initPid, plan.setup.limits),
};

/**
 * The CPUs that a process may run on, as a mask: what runc says with `--debug` of one that is about to enter.
 */
function affinityOf(pid: number): string {
  const status = readText(`/proc/${pid}/status`);
  const mask = status.match(/^Cpus_allowed:\s*(\S+)/m)?.[1] ?? "";
  return `0x${mask.replaceAll(",", "").replace(/^0+(?=.)/, "")}`;
}
