/**
 * The core's steps of the init, from its birth to the state `created`. setup_context.ts lists the stages in
 * their order.
 *
 * tsrun drives them from here. The init itself only makes the calls (see executor_x86_64.s).
 * @module
 */

import { O_NOFOLLOW, O_PATH } from "../ffi/constants.ts";
import { codeOf, TsrunError } from "../ffi/errors.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Spec } from "../spec/types.ts";
import { resetAffinity } from "./affinity.ts";
import { unshareMemory } from "./cut_off.ts";
import { endBySignals } from "./ending_signals.ts";
import { makeKeyring } from "./keyring.ts";
import { Lifecycle } from "./lifecycle.ts";
import { bringLoopbackUp } from "./loopback.ts";
import { ROOT_STEPS } from "./prepare_root.ts";
import { dropRights, giveRights, PROCESS_STEPS } from "./process_steps.ts";
import { restrictPaths } from "./restricted_paths.ts";
import { makeRootReadonly } from "./rootfs.ts";
import {
  Setup,
  SETUP_STAGES,
  type SetupPlan,
  type SetupStage,
  type SetupSteps,
  type SetupTools,
} from "./setup_context.ts";
import { recordStart } from "./start_program.ts";
import { writeSysctls } from "./sysctl.ts";

/**
 * A container that is set up, up to the program that waits for `start`. The functions are called in this
 * order.
 */
export interface Ready {
  /**
   * Begins to cut the init off from tsrun, without waiting. The init's limit of open files is set by then.
   * Limits that could deny it memory are not set yet.
   */
  cutOff: () => void;
  /**
   * Waits until the init is cut off. @throws {OperationError} If that fails, or if the init could not wait
   * for `start`.
   */
  confirm: () => void;
  /** Lets the init run without tsrun. */
  release: () => void;
}

/**
 * Sets the container up.
 *
 * @param k A kernel whose process is a child in all the new namespaces.
 * @param features The steps of the optional features, in the order of their table.
 */
export function setUp(
  k: Recorder,
  plan: SetupPlan,
  tools: SetupTools,
  features: readonly SetupSteps[],
): Ready {
  const lifecycle = new Lifecycle<SetupStage, Setup>(SETUP_STAGES, [PROCESS_STEPS, CORE, ...features]);
  const setup = new Setup(k, plan, tools, lifecycle);
  lifecycle.run(k, setup);
  const waiting = k.program();
  return {
    cutOff: () => cutOff(setup),
    confirm: () => k.flush(),
    release: () => k.release(waiting),
  };
}

/** The last that the init is driven to do. */
function cutOff({ k, procfs, fifo, tools: { arena } }: Setup): void {
  // To wait for `start` takes one more descriptor than there are: without it the program would not run, or
  // run at once.
  const doing = "open exec.fifo to wait for start (is RLIMIT_NOFILE too small?)";
  const room = k.openat(procfs!, `self/fd/${fifo.wait()}`, O_PATH, 0, { doing });
  k.close(room);
  unshareMemory(k, arena);
  k.kick();
}

/** The core's steps. */
const CORE: SetupSteps = {
  session(setup) {
    const { k, plan } = setup;
    k.call("setsid", []);
    k.call("umask", [0]);
    resetAffinity(k);
    setup.fifo = setup.openHost(plan.fifo, O_PATH | O_NOFOLLOW);
  },
  // Without a keyring of its own the container's process would have the caller's keys.
  keyring: ({ k, keyring }) => keyring !== undefined && makeKeyring(k, keyring),
  namespaces({ k, plan: { namespaces } }) {
    if (namespaces.fresh.has("cgroup")) k.unshare(NAMESPACES.cgroup.flag);
    if (namespaces.fresh.has("network")) bringLoopbackUp(k);
  },
  ...ROOT_STEPS,
  names: ({ k, plan }) => nameHost(k, plan.spec),
  parameters(setup) {
    const { k, plan } = setup;
    setup.procfs ??= setup.openProcfs();
    writeSysctls(k, setup.procfs, plan.spec.linux?.sysctl ?? {});
  },
  paths({ k, root, plan, mounts, many }) {
    const { maskedPaths = [], readonlyPaths = [] } = plan.spec.linux ?? {};
    restrictPaths(k, root, maskedPaths, readonlyPaths, mounts.label, many);
  },
  // After the working directory has been made.
  "read-only root": ({ k, root, plan }) => {
    if (plan.spec.root.readonly) makeRootReadonly(k, root);
  },
  rights(setup) {
    const { filter, process } = setup;
    // Without no-new-privileges only CAP_SYS_ADMIN may load a filter, and only the capabilities are set after
    // it.
    const loads = filter !== null && !process.noNewPrivileges;
    giveRights(setup, loads ? ["CAP_SYS_ADMIN"] : []);
    if (loads) setup.dropRights = (k, branches) => dropRights(k, setup, branches);
  },
  // Before a filter that may forbid it. A process that is not the first of its namespace ends anyway.
  signals: ({ k, plan, tools }) => {
    if (plan.namespaces.fresh.has("pid")) endBySignals(k, tools.arena);
  },
  "program of records": recordProgram,
};

function nameHost(k: Recorder, { hostname, domainname }: Spec): void {
  const bytes = (text: string) => new TextEncoder().encode(text);
  if (hostname) k.call("sethostname", [hostname, bytes(hostname).length], { doing: "set the hostname" });
  if (domainname) {
    k.call("setdomainname", [domainname, bytes(domainname).length], { doing: "set the domainname" });
  }
}

/** Records the program that the init runs without tsrun. */
function recordProgram(
  { k, process, path, env, procfs, fifo, tools, startHooks, filter, dropRights }: Setup,
): void {
  const hooks = startHooks?.hooks ?? [];
  try {
    recordStart(k, {
      process,
      path,
      env,
      procfs: procfs!,
      fifo: fifo.wait(),
      channel: tools.channel,
      hooks,
      hookSetting: startHooks?.setting ?? { state: "", env: [] },
      filter,
      dropRights,
    });
  } catch (error) {
    if (hooks.length === 0 || codeOf(error) !== "ENOMEM_ARENA") throw error;
    const reason = `${hooks.length} hooks do not fit into the memory of the init, which runs them alone ` +
      "(give fewer, or one that runs the others)";
    throw new TsrunError({
      code: "ENOMEM_ARENA",
      operation: "",
      object: "hooks.startContainer",
      reason,
      message: `hooks.startContainer: ${reason}`,
    });
  }
}
