/**
 * The processes of a command, and the stages that each is in.
 * @module
 */

import type { Kernel } from "../../../ffi/kernel.ts";
import type { Driven } from "../../../ffi/watch.ts";
import type { TraceProcess } from "./trace.ts";

/** A process, and the stages that it is in, the innermost last. */
interface Followed {
  kernel: Kernel | undefined;
  subject: TraceProcess;
  stages: string[];
}

/** See the module's description. Process 0 is tsrun itself. */
export class Stages {
  readonly #followed: Followed[];

  /** @param k The kernel of this process, and its pid. */
  constructor(k: Kernel, pid: number) {
    this.#followed = [{ kernel: k, subject: { name: "tsrun", pid }, stages: [] }];
  }

  /** A process that is going to be driven. @returns Its index. */
  add(kernel: Driven): number {
    return this.#followed.push({ kernel, subject: kernel.subject, stages: [] }) - 1;
  }

  /**
   * The process that a process is about to clone. The stage's is the one that is driven next: its kernel is
   * made while it is cloned.
   */
  cloned(parent: string): number {
    if (parent === "stage") return this.#followed.length;
    const name = parent === "joiner" ? "process" : "hook";
    return this.#followed.push({ kernel: undefined, subject: { name, pid: 0 }, stages: [] }) - 1;
  }

  /** A stage begins in the process of a kernel. Without a process, nothing does. */
  enter(stage: string, kernel: Kernel | undefined): { process: number; leave: () => void } {
    const process = this.#followed.findIndex((it) => it.kernel === kernel && kernel !== undefined);
    const stages = this.#followed[process]?.stages;
    stages?.push(stage);
    return { process, leave: () => void stages?.pop() };
  }

  /** The stage that a process is in. One without stages does its work in a stage of tsrun. */
  of(process: number): string {
    return this.#followed[process].stages.at(-1) ?? this.#followed[0].stages.at(-1) ?? "";
  }

  /** All processes, by their indices. */
  processes(): TraceProcess[] {
    return this.#followed.map(({ subject: { name, pid } }) => ({ name, pid }));
  }
}
