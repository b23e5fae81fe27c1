/**
 * Records what the processes of one command do, while it runs. Little is worked out before the end, because
 * that would be measured too.
 * @module
 */

import { decodeCall } from "../../../ffi/decode/decode.ts";
import { errnoName } from "../../../ffi/errno.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { SyscallName } from "../../../ffi/syscalls.ts";
import { type Driven, type RecordWatch, watchBy, type Watcher } from "../../../ffi/watch.ts";
import { ownPid } from "../caller.ts";
import { processAge } from "../trace.ts";
import { Clock } from "./clock.ts";
import { type HostCall, type Outcome, surroundHost } from "./host_calls.ts";
import { fileCall } from "./file_calls.ts";
import { addGroups } from "./groups.ts";
import { type Noted, ProcessWatch } from "./process_watch.ts";
import type { Trace, TraceProcess, TraceSpan } from "./trace.ts";

/** What a trace is called at the end of its command. */
export interface Ending {
  command: string;
  id: string;
  status: number;
  traceparent: string | undefined;
}

/** A recording that runs. It begins with its making. */
export class Recording implements Watcher {
  readonly #k: LocalKernel;
  readonly #clock: Clock;
  readonly #began: number;
  readonly #noted: Noted[] = [];
  readonly #spans: TraceSpan[] = [];
  readonly #kernels: { readonly subject: TraceProcess }[] = [{ subject: { name: "tsrun", pid: ownPid() } }];
  /** The stages that kernels are in, the innermost last; by the index of the process. */
  readonly #stages: string[][] = [[]];
  #lastMark: number;

  /** @param k The kernel of this process. */
  constructor(k: LocalKernel) {
    this.#k = k;
    this.#clock = new Clock(k);
    const now = this.#clock.now();
    this.#began = now - processAge() * 1e6;
    this.#lastMark = this.#began;
    this.marks("engine started");
    watchBy(this);
    surroundHost(k, (call) => this.#around(call));
  }

  drives(kernel: Driven): RecordWatch {
    const process = this.#add(kernel);
    return new ProcessWatch(kernel, this.#clock, {
      process,
      stage: () => this.#stageOf(process),
      cloned: () => this.#cloned(kernel.subject.name),
      note: (noted) => this.#noted.push(noted),
    });
  }

  #add(kernel: { readonly subject: TraceProcess }): number {
    this.#stages.push([]);
    return this.#kernels.push(kernel) - 1;
  }

  /** The process that a process is about to clone. The stage's is the one that is driven next. */
  #cloned(parent: string): number {
    if (parent === "stage") return this.#kernels.length - 1;
    return this.#add({ subject: { name: parent === "joiner" ? "process" : "hook", pid: 0 } });
  }

  enters(stage: string, kernel: Kernel | undefined): () => void {
    const process = kernel === this.#k ? 0 : this.#kernels.indexOf(kernel as unknown as Driven);
    if (process < 0) return () => {};
    const stages = this.#stages[process], start = this.#clock.now();
    stages.push(stage);
    return () => {
      stages.pop();
      // Records of other processes run later: their stages are worked out from their calls.
      if (process === 0) this.#span("stage", stage, start, stages.at(-1) ?? "");
    };
  }

  marks(what: string): void {
    this.#span("part", what, this.#lastMark, "");
    this.#lastMark = this.#clock.now();
  }

  /** Ends the recording. */
  end(ending: Ending): Trace {
    watchBy(undefined);
    this.marks("end");
    this.#span("command", `tsrun ${ending.command}`, this.#began, "");
    const calls = this.#noted.map(spanOf);
    const shift = (span: TraceSpan) => ({ ...span, start: Math.round(span.start - this.#began) });
    return {
      ...ending,
      start: BigInt(this.#clock.second) * 1_000_000_000n + BigInt(Math.round(this.#began)),
      processes: this.#kernels.map(({ subject: { name, pid } }) => ({ name, pid })),
      spans: addGroups([...this.#spans, ...calls]).map(shift),
    };
  }

  /** The stage that a process is in. One without stages does its work in a stage of tsrun. */
  #stageOf(process: number): string {
    return this.#stages[process].at(-1) ?? this.#stages[0].at(-1) ?? "";
  }

  #around(call: HostCall): (outcome: Outcome) => void {
    const stage = this.#stageOf(0), start = this.#clock.now();
    return (outcome) => {
      const duration = this.#clock.now() - start;
      this.#noted.push({ process: 0, call, stage, start, duration, outcome });
    };
  }

  #span(kind: TraceSpan["kind"], name: string, start: number, stage: string): void {
    const duration = this.#clock.now() - start;
    this.#spans.push({ process: 0, kind, name, detail: "", start, duration, stage, step: "" });
  }
}

/** The span of a call. */
function spanOf({ process, call, stage, start, duration, outcome }: Noted): TraceSpan {
  const { name, args, operands, doing } = call, step = stepName(doing);
  const file = args === undefined;
  const shown = file ? fileCall(name, operands) : { name, detail: decodeCall(name as SyscallName, args) };
  const { result, errno } = outcome;
  return {
    ...{ process, kind: file ? "file" : "call", ...shown, start, duration, stage, step },
    ...(errno !== undefined ? { errno: errnoName(errno) } : file || result === undefined ? {} : { result }),
  };
}

/** A step without what errors put before it for clients that look for these words. */
function stepName(doing: string): string {
  return doing.replace(/^error mounting .*? to rootfs at .*?: (?=mount )/, "");
}
