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
import { type HostCall, type Outcome, outcomeOf, outcomeOfError, surroundHost } from "./host_calls.ts";
import { fileCall } from "./file_calls.ts";
import { addGroups } from "./groups.ts";
import { type Noted, ProcessWatch } from "./process_watch.ts";
import { Stages } from "./stages.ts";
import type { Trace, TraceSpan } from "./trace.ts";

/** What a trace is called at the end of its command. */
export interface Ending {
  command: string;
  id: string;
  status: number;
  traceparent: string | undefined;
}

/** A recording that runs. It begins with its making. */
export class Recording implements Watcher {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #noted: Noted[] = [];
  readonly #spans: TraceSpan[] = [];
  readonly #stages: Stages;
  readonly #watches: ProcessWatch[] = [];
  #lastMark: number;

  /** @param k The kernel of this process. */
  constructor(k: LocalKernel) {
    this.#clock = new Clock(k);
    this.#stages = new Stages(k, ownPid());
    const now = this.#clock.now();
    this.#began = now - processAge() * 1e6;
    this.#lastMark = this.#began;
    this.marks("engine started");
    watchBy(this);
    surroundHost(k, (call, run) => this.#measure(call, run));
  }

  drives(kernel: Driven): RecordWatch {
    const process = this.#stages.add(kernel);
    const watch = new ProcessWatch(kernel, this.#clock, {
      process,
      stage: () => this.#stages.of(process),
      cloned: () => this.#stages.cloned(kernel.subject.name),
      settle: () => this.#watches.forEach((other) => other !== watch && other.settle()),
      note: (noted) => this.#noted.push(noted),
    });
    this.#watches.push(watch);
    return watch;
  }

  enters(stage: string, kernel: Kernel | undefined): () => void {
    const start = this.#clock.now(), { process, leave } = this.#stages.enter(stage, kernel);
    return () => {
      leave();
      // Records of other processes run later: their stages are worked out from their calls.
      if (process === 0) this.#span("stage", stage, start, this.#stages.of(0));
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
      processes: this.#stages.processes(),
      spans: addGroups([...this.#spans, ...calls]).map(shift),
    };
  }

  #measure(call: HostCall, run: () => unknown): unknown {
    const stage = this.#stages.of(0), start = this.#clock.now();
    const note = (outcome: Outcome) => {
      const duration = this.#clock.now() - start;
      this.#noted.push({ process: 0, call, stage, start, duration, outcome });
    };
    try {
      const value = run();
      note(outcomeOf(call, value));
      return value;
    } catch (error) {
      note(outcomeOfError(error));
      throw error;
    }
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
