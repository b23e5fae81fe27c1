/**
 * Follows the records of one process that is driven, by the clock records between them.
 * @module
 */

import { Load } from "../../../ffi/kernel.ts";
import { clockAt, RESULT } from "../../../ffi/record.ts";
import type { Driven, RecordWatch, Watched } from "../../../ffi/watch.ts";
import type { Clock } from "./clock.ts";
import type { HostCall, Outcome } from "./host_calls.ts";

/** A call that was made, before its text is worked out. */
export interface Noted {
  process: number;
  call: HostCall;
  stage: string;
  start: number;
  /** Undefined where nobody has read the clock. */
  duration: number | undefined;
  outcome: Outcome;
}

/** What a process takes part in. */
export interface Part {
  /** Its index. */
  process: number;
  /** The stage that it is in. */
  stage: () => string;
  /** The index of a process that it is going to clone. */
  cloned: () => number;
  /** A process has run records: others take in what they had to wait for. */
  settle: () => void;
  /** Takes a call. */
  note: (noted: Noted) => void;
}

/** A word of memory that the process reads when tsrun does not see its memory any more. */
const UNKNOWN = { settled: false, wait: () => 0 };

/** A record that has not been noted. */
interface Open {
  stage: string;
  /** Index of the process that a clone makes. */
  child: number | undefined;
  /** When the executor was told to run it again. */
  again: number | undefined;
}

/** Records that a child of the process runs, and the record of its making. */
interface Child {
  process: number;
  records: readonly Watched[];
  begin: Watched;
}

/** See the module's description. */
export class ProcessWatch implements RecordWatch {
  clocked = true;
  readonly #open = new Map<Watched, Open>();
  /** The last time that was read in the process. */
  #last = 0;
  /** Children that may not have begun when their parent had ended its batch. */
  readonly #late: Child[] = [];
  /** The stage of a record that failed, while its cause is mended. */
  #mending: string | undefined;

  constructor(readonly kernel: Driven, readonly clock: Clock, readonly part: Part) {}

  recorded(record: Watched): void {
    const { name, onPositive } = record.op;
    const clones = (name === "clone3" || name === "clone") && onPositive !== undefined;
    const child = clones ? this.part.cloned() : undefined;
    this.#open.set(record, { stage: this.#mending ?? this.part.stage(), child, again: undefined });
    // The filter may forbid to read the clock, or ask an agent about it.
    if (name === "seccomp") this.clocked = false;
  }

  ran(records: readonly Watched[]): void {
    this.part.settle();
    const times = records.flatMap(({ before, behind }) => [this.#at(before), this.#at(behind)])
      .filter((time) => time !== 0).sort((a, b) => a - b);
    let last = 0;
    const children = new Map<number, Watched[]>();
    this.#eachOf(records, (record, process) => {
      if (process !== this.part.process) {
        children.set(process, [...children.get(process) ?? [], record]);
        last = 0;
        return;
      }
      const again = this.#open.get(record)?.again;
      const start = again ?? (this.#at(record.before) || last), behind = this.#at(record.behind);
      last = behind;
      if (start !== 0) {
        // Where the record leads elsewhere, the clock at that place is the next that was read.
        const end = behind >= start ? behind : times.find((time) => time > start);
        this.#take(record, process, start, end === undefined ? undefined : end - start);
        this.#last = Math.max(this.#last, end ?? 0);
      } else if (record.behind === 0 && !this.clocked) this.#take(record, process, this.#last, undefined);
      this.#open.delete(record);
    });
    for (const [process, own] of children) {
      const child = { process, records: own, begin: records[records.indexOf(own[0]) - 1] };
      // The stage does not wait for its child, which may not have begun. Other parents have waited.
      if (this.kernel.subject.name === "stage") this.#late.push(child);
      else this.#takeChild(child);
    }
  }

  /** Takes in what a child has done. */
  #takeChild({ process, records, begin }: Child): void {
    let last = this.#at(begin.behind);
    for (const record of records) {
      const start = this.#at(record.before) || last, behind = this.#at(record.behind);
      last = behind;
      // What does not return, such as execve, has no end.
      if (start !== 0) this.#take(record, process, start, behind >= start ? behind - start : undefined);
      this.#open.delete(record);
    }
  }

  /** Takes in what could not be known before another process had run. */
  settle(): void {
    for (const child of this.#late.splice(0)) this.#takeChild(child);
  }

  failed(record: Watched, errno: number): void {
    const now = this.clock.now(), again = this.#open.get(record)?.again;
    const start = again ?? (this.#at(record.before) || this.#last || now);
    this.#mending = this.#open.get(record)?.stage;
    this.#take(record, this.part.process, start, now - start, { errno });
  }

  resumed(record: Watched, again: boolean): void {
    this.#last = this.clock.now();
    const stage = this.#mending ?? this.part.stage();
    this.#mending = undefined;
    if (again) this.#open.set(record, { stage, child: undefined, again: this.#last });
  }

  released(records: readonly Watched[]): void {
    const start = this.clock.now();
    const way = new Set(wayOf(records));
    this.#eachOf(records, (record, process) => {
      if (way.has(record)) this.#take(record, process, start, undefined, {});
    });
  }

  /** Goes through records with the process that runs each: behind a clone it is the child, up to a label. */
  #eachOf(records: readonly Watched[], take: (record: Watched, process: number) => void): void {
    let process = this.part.process, parent: unknown;
    for (const record of records) {
      const { labels, onPositive } = record.op;
      if (labels.some((label) => label === parent)) process = this.part.process;
      const child = this.#open.get(record)?.child;
      take(record, process);
      if (child === undefined) continue;
      process = child;
      parent = onPositive;
    }
  }

  #at(address: number): number {
    return clockAt(this.kernel.memory, address, this.clock.second);
  }

  #take(
    record: Watched,
    process: number,
    start: number,
    duration: number | undefined,
    outcome: Outcome = this.#outcome(record),
  ): void {
    const open = this.#open.get(record);
    this.#open.delete(record);
    const { name, args, doing } = record.op;
    if (open === undefined || name === "stop" || name === "branch") return;
    const known = args.map((arg) =>
      !(arg instanceof Load) ? arg : duration === undefined ? UNKNOWN : arg.buffer.u64(0)
    );
    const call = { name, args: known, operands: [], doing };
    this.part.note({ process, call, stage: open.stage, start, duration, outcome });
  }

  #outcome(record: Watched): Outcome {
    const value = this.kernel.memory.getI64(record.address + RESULT);
    return value < 0 ? { errno: -value } : { result: value };
  }
}

/** The records of a program that run when nothing fails. */
function wayOf(records: readonly Watched[]): Watched[] {
  const targets = new Set<unknown>();
  let runs = true;
  return records.filter(({ op: { name, args, labels, onPositive } }) => {
    if (labels.some((label) => targets.has(label))) runs = true;
    if (!runs) return false;
    // A word that a branch looks at is zero then; a clone goes on in both processes; other calls jump.
    const clones = name === "clone" || name === "clone3", jumps = name === "branch" ? args[0] === 1 : true;
    if (onPositive && jumps) {
      targets.add(onPositive);
      if (!clones) runs = false;
    }
    if (name === "execve" || name === "exit_group") runs = false;
    return true;
  });
}
