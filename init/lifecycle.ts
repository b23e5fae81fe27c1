/**
 * A process's way from its birth to its program, as an ordered list of named stages with steps in them.
 *
 * The lists are in setup.ts (the first process of a container) and exec_setup.ts (one more process). The
 * steps of a stage are the core's own, then those of the optional features that the container uses, in the
 * order of their table. A step may add a step to a later stage: a check of what the kernel answers waits for
 * a stage that begins with all answers, and what has to be done last waits for the stage in which that is.
 * @module
 */

import type { Kernel } from "../ffi/kernel.ts";

/** One step; it is given what the steps of its process share. */
export type Step<Context> = (context: Context) => void;

/** Steps by the stage that they belong to: the core's own, or what a feature contributes. */
export type Steps<Stage extends string, Context> = { readonly [stage in Stage]?: Step<Context> };

/** What stages there are. */
export interface Stages<Stage extends string> {
  /** Their names, in order. */
  readonly order: readonly Stage[];
  /**
   * Stages that begin when the kernel has answered everything before them, provided that they have any step.
   */
  readonly answered: ReadonlySet<Stage>;
}

/** The stages of one process, with everything that is to be done in each. */
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

  /** Adds a step to a stage that is not over; it comes last in it. */
  add(stage: Stage, step: Step<Context>): void {
    if (this.#stages.order.indexOf(stage) < this.#at) throw new Error(`the stage "${stage}" is over`);
    this.#steps.get(stage)!.push(step);
  }

  /** Runs all stages. @param k Whose answers the `answered` stages wait for. */
  run(k: Kernel, context: Context): void {
    const { order, answered } = this.#stages;
    for (const [i, stage] of order.entries()) {
      this.#at = i;
      if (this.#steps.get(stage)!.length > 0 && answered.has(stage)) k.flush();
      this.runStage(stage, context);
    }
  }

  /** Runs what waits for the answers in a later stage so far; it does not run again. */
  runWaiting(stage: Stage, k: Kernel, context: Context): void {
    k.flush();
    for (const step of this.#steps.get(stage)!.splice(0)) step(context);
  }

  /** Runs one stage, for those who go through them by themselves, or ahead of its time. */
  runStage(stage: Stage, context: Context): void {
    const steps = this.#steps.get(stage)!;
    // Not for ... of: a step may add another to its own stage.
    for (let i = 0; i < steps.length; i++) steps[i](context);
  }
}
