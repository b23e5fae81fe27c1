/**
 * The way of a process from its birth to its program: an ordered list of named stages with steps in them.
 *
 * The stages are listed in setup_context.ts (the first process of a container) and exec_context.ts (one more
 * process). In a stage the core's steps run first, then those of the optional features that the container
 * uses, in the order of their table. A step may add a step to a later stage. For example, a check of the
 * kernel's answer is added to a stage that begins when all answers have arrived.
 * @module
 */

import type { Kernel } from "../ffi/kernel.ts";
import { watcher } from "../ffi/watch.ts";

/** One step. Its argument is the state that the steps of its process share. */
export type Step<Context> = (context: Context) => void;

/** Steps by stage: those of the core, or those of one feature. */
export type Steps<Stage extends string, Context> = { readonly [stage in Stage]?: Step<Context> };

/** The stages of a kind of process. */
export interface Stages<Stage extends string> {
  /** Their names, in order. */
  readonly order: readonly Stage[];
  /**
   * Stages that begin only after the kernel has answered everything before them. A stage without steps does
   * not wait.
   */
  readonly answered: ReadonlySet<Stage>;
  /** Stages that begin when everything before them has been handed over to the kernel. It may still run. */
  readonly handedOver?: ReadonlySet<Stage>;
}

/** The stages of one process, with their steps. */
export class Lifecycle<Stage extends string, Context> {
  readonly #stages: Stages<Stage>;
  readonly #steps = new Map<Stage, Step<Context>[]>();
  /** Index of the stage that runs. */
  #at = -1;

  /** @param contributions The core's steps first; within a stage, steps run in this order. */
  constructor(stages: Stages<Stage>, contributions: readonly Steps<Stage, Context>[]) {
    this.#stages = stages;
    for (const stage of stages.order) this.#steps.set(stage, []);
    for (const steps of contributions) {
      for (const stage in steps) {
        const step = steps[stage];
        if (step) this.#steps.get(stage)!.push(step);
      }
    }
  }

  /** Adds a step at the end of a stage that is not over. */
  add(stage: Stage, step: Step<Context>): void {
    if (this.#stages.order.indexOf(stage) < this.#at) throw new Error(`the stage "${stage}" is over`);
    this.#steps.get(stage)!.push(step);
  }

  /** Runs all stages. @param k The kernel whose answers the `answered` stages wait for. */
  run(k: Kernel, context: Context): void {
    const { order, answered, handedOver } = this.#stages;
    for (const [i, stage] of order.entries()) {
      this.#at = i;
      if (this.#steps.get(stage)!.length > 0) {
        if (answered.has(stage)) k.flush();
        else if (handedOver?.has(stage)) k.handOver();
      }
      this.runStage(stage, context);
    }
  }

  /**
   * Waits for the kernel's answers and runs the steps that a later stage has so far. They do not run again.
   */
  runWaiting(stage: Stage, k: Kernel, context: Context): void {
    k.flush();
    const over = watcher()?.enters(stage, k);
    for (const step of this.#steps.get(stage)!.splice(0)) step(context);
    over?.();
  }

  /** Runs one stage, for callers that go through the stages one by one, or run one ahead of its time. */
  runStage(stage: Stage, context: Context): void {
    const steps = this.#steps.get(stage)!;
    const over = watcher()?.enters(stage, (context as { k?: Kernel }).k);
    // Not for ... of: a step may add another step to its own stage.
    for (let i = 0; i < steps.length; i++) steps[i](context);
    over?.();
  }
}
