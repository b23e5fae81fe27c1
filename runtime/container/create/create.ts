/**
 * `create`: from a bundle to a container that waits for `start`.
 *
 *     the stage starts ── makes itself at home ────────┐
 *     planCreate ── reads and decides, starts nothing ─┴─> carryOut ── does it, each step with its undoing
 *
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { Arena, ExecutorGone } from "../../../init/executor.ts";
import { Stage } from "../../../init/stage.ts";
import type { Spec } from "../../../spec/types.ts";
import { listenDescriptors } from "../../features/readiness/activation.ts";
import { callerIsRoot } from "../../host/caller.ts";
import { checkPreserved } from "../../host/inherited_fds.ts";
import { adviseOnCgroups, isRootless } from "../../host/rootless.ts";
import { mark } from "../../host/trace.ts";
import type { Interrupts } from "../interrupts.ts";
import { claimContainer } from "../lock.ts";
import type { ContainerState } from "../record.ts";
import { causeOf, reasonWithUndo, UndoStack } from "../undo.ts";
import { type CreateTools, Deed } from "./deed.ts";
import { type CreateOptions, type CreatePlan, planCreate } from "./plan.ts";

/**
 * Makes a container.
 *
 * @param listen Begins to listen to signals that end the create before it is done. If absent, no signal does.
 * @returns Its record; its init is this process's child and waits for `start`.
 * @throws {RuntimeError} The failure, after everything made until then has been removed.
 */
export async function createContainer(
  k: LocalKernel,
  options: CreateOptions,
  listen?: () => Interrupts,
): Promise<ContainerState> {
  try {
    return await create(k, options, listen);
  } catch (error) {
    const cause = causeOf(error);
    let message = reasonWithUndo(error);
    if (isRootless(options.rootless, options.systemdCgroup)) message = adviseOnCgroups(message);
    if (cause instanceof ExecutorGone) message = `unable to start container process: ${message}`;
    throw RuntimeError.from(cause, message);
  }
}

async function create(
  k: LocalKernel,
  options: CreateOptions,
  listen: (() => Interrupts) | undefined,
): Promise<ContainerState> {
  const listening = options.serviceManager ? listenDescriptors() : 0,
    preserved = listening + options.preserveFds;
  checkPreserved(k, listening, options.preserveFds);
  // The stage is killed before the arena is unmapped, since its channel uses the arena's memory.
  using arena = new Arena(k, preserved);
  await using undo = new UndoStack();
  const stage = new Stage(arena, preserved);
  undo.add(() => stage.kill());
  mark("stage started", "runtime/container/create/create.ts create");
  let interrupts: Interrupts | undefined;
  const listenOnce = () => interrupts ??= listen?.();
  const plan = await planCreate(k, options, async (read) => await listenOnce()?.during(read) ?? read());
  if (options.takeMaster && plan.features.some(({ polls }) => polls)) {
    // The command will wait for more than one thing at a time, by the event loop.
    (await import("../../../ffi/background.ts")).prepareBackground();
  }
  const state = await carryOut({ k, arena, stage }, plan, listenOnce());
  undo.keep();
  return state;
}

/** Carries a plan out. If a step fails, everything made so far is removed. */
async function carryOut(
  tools: CreateTools,
  plan: CreatePlan,
  interrupts: Interrupts | undefined,
): Promise<ContainerState> {
  const { k, stage } = tools, { root, id, log } = plan.options;
  checkUser(plan.spec);
  // The lock is held until everything is made, or removed again.
  using _lock = claimContainer(k, root, id);
  await using undo = new UndoStack();
  const deed = new Deed(tools, plan, undo, () => interrupts?.check());
  undo.add(async () => {
    const { destroyContainer, insistOn } = await import("../destroy.ts");
    stage.kill();
    await insistOn(() => destroyContainer(k, root, { ...deed.record, pid: 0 }, log));
  });
  try {
    if (interrupts) await interrupts.during(() => deed.carryOut());
    else deed.carryOut();
  } finally {
    interrupts?.disarm();
  }
  undo.keep();
  return deed.record;
}

/** Without root's rights a container can only be made in a user namespace. */
function checkUser({ linux }: Spec): void {
  if (callerIsRoot() || linux?.namespaces?.some(({ type }) => type === "user")) return;
  throw new RuntimeError(
    "EPERM_ROOTLESS",
    'rootless container requires user namespaces: add {"type": "user"} to linux.namespaces, ' +
      'and id mappings, as "tsrun spec --rootless" writes them',
  );
}
