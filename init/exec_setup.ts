/**
 * One more process for a running container: the core's steps, from the joiner's first one to execve(2).
 * exec_context.ts lists the stages in their order.
 *
 *     tsrun ── stage ──clone──> joiner ──clone──> process
 *              on the host      enters all namespaces,      in the container's PID namespace:
 *              enters cgroups   looks up, drops all rights  setsid, limits, filter, execve
 *
 * The joiner is a process of the host's PID namespace, so no process of the container can see it. The process
 * that can be seen has no right that its program will not have, no descriptor but its own, and makes a few
 * calls only (CVE-2016-9962). {@linkcode placeFilter} names the one exception.
 * @module
 */

import { endProcess } from "./failure_report.ts";
import { CLONE_PARENT, O_DIRECTORY, O_PATH, O_WRONLY, SECCOMP_SET_MODE_FILTER } from "../ffi/constants.ts";
import { EPERM } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import {
  EXEC_STAGES,
  type ExecPlan,
  ExecSetup,
  type ExecStage,
  type ExecSteps,
  type ExecTools,
} from "./exec_context.ts";
import { resetAffinity } from "./affinity.ts";
import { closeQuietly, CUTTING_OFF, unshareMemory } from "./cut_off.ts";
import { placeFilter } from "./filter_placement.ts";
import { joinKeyring } from "./keyring.ts";
import { Lifecycle } from "./lifecycle.ts";
import { dropRights, giveRights, PROCESS_STEPS } from "./process_steps.ts";

/** A process that is ready to be cloned. */
export interface ExecReady {
  /**
   * Clones the process and lets it go on without tsrun. Its pid and failures are read from {@linkcode
   * ExecTools.report}.
   */
  release: () => void;
}

/**
 * Records and runs all steps from the joiner's first one on. Returns when the process only needs to be
 * released.
 *
 * @param features The steps of the optional features, in the order of their table.
 */
export function setUpExec(
  k: Recorder,
  plan: ExecPlan,
  tools: ExecTools,
  features: readonly ExecSteps[],
): ExecReady {
  const lifecycle = new Lifecycle<ExecStage, ExecSetup>(EXEC_STAGES, [PROCESS_STEPS, CORE, ...features]);
  lifecycle.run(k, new ExecSetup(k, plan, tools, lifecycle));
  const waiting = k.program();
  return { release: () => k.release(waiting) };
}

/** The core's steps. */
const CORE: ExecSteps = {
  host(setup) {
    const { k, plan } = setup;
    if (plan.enter !== undefined) setup.cgroup = k.open(plan.enter, O_WRONLY);
    if (plan.foreignRoot) setup.root = k.open(`/proc/${plan.pid}/root`, O_PATH | O_DIRECTORY);
  },
  namespaces: joinNamespaces,
  root: changeRoot,
  keyring({ k, keyring }) {
    if (keyring !== undefined) joinKeyring(k, keyring, "join the container's session keyring");
  },
  rights(setup) {
    const { process: { noNewPrivileges = false }, filter, asks, calls, lateRights } = setup;
    setup.placed = placeFilter({ filter, noNewPrivileges, asks, calls, lateRights });
    giveRights(setup, setup.placed.rights);
  },
  "cut off": cutOff,
  "early filter"(setup) {
    const { placed, asks } = setup;
    if (placed.early && !asks) loadFilter(setup);
    if (placed.rights.length > 0 && !placed.late) leaveRights(setup);
  },
  clone: cloneProcess,
  session({ k, cgroup, reports }) {
    if (cgroup) {
      const zero = new TextEncoder().encode("0");
      reports.guard("enter the cgroup", (onError) => k.call("write", [cgroup, zero, 1], { onError }));
    }
    reports.guard("make a session of the process", (onError) => k.call("setsid", [], { onError }));
  },
  limits({ k, plan, reports }) {
    for (const { resource, soft, hard, doing } of plan.limits) {
      reports.guard(doing, (onError) => k.call("prlimit64", [0, resource, [soft, hard], 0], { onError }));
    }
  },
  "late filter"(setup) {
    if (!setup.placed.early) loadFilter(setup);
    if (setup.placed.late) leaveRights(setup);
  },
  execve: becomeProgram,
};

/** Enters all namespaces of the container's init at once; setns(2) with a pidfd (Linux 5.8). */
function joinNamespaces({ k, plan, tools, joined }: ExecSetup): void {
  const { mount, uts, ipc, pid, cgroup, network, time } = NAMESPACES;
  const flags = mount.flag | uts.flag | ipc.flag | pid.flag | cgroup.flag | network.flag;
  const doing = "join the namespaces of the container";
  k.setns(tools.pidfd, joined ?? flags | (plan.timeNamespace ? time.flag : 0), {
    doing,
    repair(errno) {
      if (errno !== EPERM || joined !== undefined) throw new OperationError("setns", errno, "", doing);
      const others = tools.otherNamespaces();
      if (others !== 0) k.setns(tools.pidfd, others, { doing });
      return "skip";
    },
  });
  if (plan.resetAffinity) resetAffinity(k);
  k.close(tools.pidfd);
}

/** Makes `/` the container's root, and opens it. */
function changeRoot(setup: ExecSetup): void {
  const { k, plan, root } = setup;
  if (plan.foreignRoot) {
    k.fchdir(root);
    k.call("chroot", ["."], { doing: "change the root to the container's" });
    k.close(root);
  }
  setup.root = k.open("/", O_PATH | O_DIRECTORY);
}

/** The step that fails when the cgroup has no room for one more process. */
export const CLONING = "clone the process into the PID namespace";

/**
 * Clones the process. The records up to the stage `execve` are the clone's, and the last of them leads to the
 * joiner's.
 */
function cloneProcess(setup: ExecSetup): void {
  const { k, reports } = setup;
  const joiner = new Label();
  const clone = reports.guard(
    CLONING,
    (onError) => k.call("clone", [CLONE_PARENT, 0, 0, 0, 0], { onError, onPositive: joiner }),
  );
  setup.later("execve", () => {
    k.place(joiner);
    reports.sendPid(clone);
    endProcess(k, 0);
  });
}

function becomeProgram({ k, process, path, env, reports }: ExecSetup): void {
  reports.guard(`exec ${path}`, (onError) => k.call("execve", [path, process.args, env], { onError }));
  reports.record();
}

/** Cuts the joiner off from tsrun, before there is a process that the container sees. */
function cutOff({ k, tools, reports }: ExecSetup): void {
  reports.guard(CUTTING_OFF, (onError) => unshareMemory(k, tools.arena, onError));
  closeQuietly(k, tools.channel);
}

function loadFilter({ k, filter, reports }: ExecSetup): void {
  if (filter === null) return;
  const code = [filter.program.length / 8, k.memory.put(filter.program)];
  const args = [SECCOMP_SET_MODE_FILTER, filter.flags, code];
  reports.guard("load the seccomp filter", (onError) => k.call("seccomp", args, { onError }));
}

function leaveRights(setup: ExecSetup): void {
  const doing = "set the capabilities of the process";
  setup.reports.guard(doing, (onError) => dropRights(setup.k, setup, { onError }));
}
