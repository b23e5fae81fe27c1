/**
 * Runs one command of tsrun under ptrace(2), counts the system calls of each of its processes, and does
 * something at one of them.
 *
 *     tsrun ──posix_spawn──> stage ──clone3──> init
 *
 * The calls of tsrun count from where the engine opens the program, or, where one that has started already
 * goes on, from there; those of stage and init from their first one on, and until they execute another
 * program. The engine's own calls do not count, and those that make its process only where that is asked for.
 * @module
 */
import { BASE } from "../../build/snapshot/head.ts";
import { describe, isOwn, nameOf, pathOf } from "./calls.ts";
import * as ptrace from "./ptrace.ts";

/** The processes of a command, and what tsrun's is before it goes on from a snapshot. */
export type Role = "tsrun" | "stage" | "init" | "snapshot";

/** Something that happens at one call. */
export interface Fault {
  role: Role;
  /** Number of the call, the first of this process is 0. */
  index: number;
  /**
   * SIGKILL in place of the call; or the errno that the call fails with; or what is done before it,
   * meanwhile.
   */
  act: "kill" | number | (() => void);
}

/** A call that was made. */
export interface Made {
  role: Role;
  index: number;
  name: string;
}

export interface Request {
  /** Program (absolute path) and arguments. */
  argv: readonly string[];
  /** Path of tsrun, where that is not the program, but what it becomes. */
  runtime?: string;
  /** Files that standard output and standard error are appended to. */
  stdout: string;
  stderr: string;
  fault?: Fault;
  /** A process that is there already and is traced as the init. */
  init?: number;
  /** Seconds after which everything is killed. */
  limit: number;
  /** The snapshot: calls from where it is opened to where its engine goes on count, as `snapshot`. */
  snapshot?: string;
}

export interface Traced {
  /** Exit status; 128 + n when signal n ended the command. */
  code: number;
  /** It was killed because it did not end in time. */
  hung: boolean;
  /** The call that the fault met; undefined where there was none. */
  met?: string;
  /** Names of the calls that its process had made before. */
  before: string[];
  /** All calls that count, where no fault was asked for. */
  calls: Made[];
}

/** A process that is being traced. */
interface Tracee {
  role: Role;
  /** Its calls count now. */
  counting: boolean;
  count: number;
  /** Result of the call that it is in, in place of the kernel's. */
  result?: number;
}

const SIGKILL = 9, SIGTRAP = 5;
const SHELLS = /\/(?:sh|dash|bash)$/;

class Tracer {
  readonly #tracees = new Map<number, Tracee>();
  /** Stopped before it was known what they are. */
  readonly #strangers = new Set<number>();
  #main = 0;
  #watch = 0;
  #stageSeen = false;
  readonly #result: Traced = { code: -1, hung: false, before: [], calls: [] };

  constructor(readonly request: Request) {}

  run(): Traced {
    const { argv, stdout, stderr, limit } = this.request;
    const gate = `${stdout}.gate`;
    Deno.writeTextFileSync(gate, "");
    // The shell waits until it is traced, so that no call of what it becomes is missed.
    const script =
      'g=$1 o=$2 e=$3; shift 3; while [ -e "$g" ]; do :; done; exec "$@" </dev/null >>"$o" 2>>"$e"';
    this.#main = ptrace.spawn(["/bin/sh", "-c", script, "sh", gate, stdout, stderr, ...argv]);
    this.#tracees.set(this.#main, { role: "tsrun", counting: false, count: 0 });
    ptrace.seize(this.#main, ptrace.TRACE_SYSGOOD | ptrace.TRACE_EXEC | ptrace.TRACE_VFORK);
    Deno.removeSync(gate);
    this.#watch = ptrace.spawn(["/bin/sleep", String(limit)]);
    if (this.request.init !== undefined) this.#adopt(this.request.init);
    while (!this.#ended()) this.#step(ptrace.waitForChange());
    this.#release();
    return this.#result;
  }

  #ended(): boolean {
    return this.#main === 0;
  }

  /** Begins to trace an init that waits for `start`. */
  #adopt(pid: number): void {
    this.#tracees.set(pid, { role: "init", counting: true, count: 0 });
    ptrace.seize(pid, ptrace.TRACE_SYSGOOD | ptrace.TRACE_EXEC);
    ptrace.interrupt(pid);
  }

  #step(change: ptrace.Change | undefined): void {
    if (change === undefined) throw new Error("the traced command has gone");
    const { pid } = change;
    if (change.kind === "end") return this.#end(pid, change.code);
    const tracee = this.#tracees.get(pid);
    if (tracee === undefined) {
      this.#strangers.add(pid);
      return;
    }
    if (change.kind === "call") this.#call(pid, tracee);
    else if (change.kind === "event") this.#event(pid, tracee, change.event, change.signal);
    else this.#goOn(pid, tracee, change.signal);
  }

  #end(pid: number, code: number): void {
    if (pid === this.#watch) {
      this.#watch = 0;
      this.#result.hung = true;
      for (const pid of this.#tracees.keys()) ptrace.sendSignal(pid, SIGKILL);
    } else if (pid === this.#main) {
      this.#result.code = code;
      this.#main = 0;
    }
    this.#tracees.delete(pid);
  }

  #event(pid: number, tracee: Tracee, event: number, signal: number): void {
    if (event === ptrace.EVENT_VFORK || event === ptrace.EVENT_CLONE) this.#born(ptrace.madeBy(pid), tracee);
    if (event === ptrace.EVENT_EXEC && this.#executed(tracee)) {
      this.#tracees.delete(pid);
      return ptrace.detach(pid);
    }
    if (event === ptrace.EVENT_STOP && signal !== SIGTRAP) ptrace.listen(pid);
    else this.#goOn(pid, tracee);
  }

  /**
   * The first child of tsrun's program is the stage, and the child of the stage is the init. Others are let
   * go: the entry code that starts the engine has a child, too.
   */
  #born(child: number, parent: Tracee): void {
    const isStage = parent.role === "tsrun" && parent.counting && !this.#stageSeen;
    const role = parent.role === "stage" ? "init" : isStage ? "stage" : undefined;
    // It may have stopped before its parent told of it.
    if (!this.#strangers.delete(child)) { while (ptrace.waitForChange(child)?.kind === "call"); }
    if (role === undefined) return ptrace.detach(child);
    if (role === "stage") this.#stageSeen = true;
    const tracee: Tracee = { role, counting: role === "init", count: 0 };
    this.#tracees.set(child, tracee);
    ptrace.setOptions(
      child,
      ptrace.TRACE_SYSGOOD | ptrace.TRACE_EXEC | (role === "stage" ? ptrace.TRACE_CLONE : 0),
    );
    this.#goOn(child, tracee);
  }

  /** @returns Whether the process is another program now, which is let go. */
  #executed(tracee: Tracee): boolean {
    // A stage that executes once more becomes a program of the host, such as CRIU.
    const other = tracee.role === "stage" && tracee.counting;
    // An init that has executed is the container's program.
    if (tracee.role === "init") tracee.counting = false;
    else if (tracee.role === "stage") tracee.counting = true;
    // A start from a snapshot that has executed has failed: the engine starts.
    else if (tracee.role === "snapshot") Object.assign(tracee, { role: "tsrun", counting: false, count: 0 });
    return other;
  }

  /** Only what is counted is stopped at its calls, and tsrun until it is known where its calls begin. */
  #goOn(pid: number, tracee: Tracee, signal = 0): void {
    const { fault } = this.request;
    const wanted = fault === undefined || fault.role === tracee.role && this.#result.met === undefined;
    const calls = tracee.counting ? wanted : tracee.role === "tsrun";
    ptrace.goOn(pid, calls || tracee.result !== undefined, signal);
  }

  #call(pid: number, tracee: Tracee): void {
    const entry = ptrace.entryOf(pid);
    if (entry === undefined) {
      if (tracee.result !== undefined) ptrace.setResult(pid, tracee.result);
      tracee.result = undefined;
    } else if (!tracee.counting || tracee.role === "snapshot") this.#await(pid, tracee, entry);
    else if (isOwn(pid, entry)) this.#count(pid, tracee, entry);
    this.#goOn(pid, tracee);
  }

  #runtime(): string {
    const { runtime, argv } = this.request;
    return runtime ?? argv[0];
  }

  /**
   * tsrun's calls count from where the engine, and not the shell before it, opens the program; or from where
   * an engine that has started already sets its thread's register.
   */
  #await(pid: number, tracee: Tracee, entry: ptrace.Entry): void {
    const name = nameOf(entry.number);
    if (name === "open" && this.request.snapshot === pathOf(pid, entry)) tracee.role = "snapshot";
    if (tracee.role === "snapshot") tracee.counting = true;
    const started = name === "openat" && pathOf(pid, entry) === this.#runtime() &&
      !SHELLS.test(Deno.readLinkSync(`/proc/${pid}/exe`));
    // The loader of an engine that starts anew sets the register, too, but has no head of a snapshot.
    if (started || name === "arch_prctl" && ptrace.memoryAt(pid, BASE, 8).length > 0) {
      Object.assign(tracee, { role: "tsrun", counting: true, count: 0 });
    } else if (tracee.role === "snapshot") this.#count(pid, tracee, entry);
  }

  #count(pid: number, tracee: Tracee, entry: ptrace.Entry): void {
    const { fault } = this.request;
    const index = tracee.count++;
    if (fault === undefined) {
      this.#result.calls.push({ role: tracee.role, index, name: nameOf(entry.number) });
    } else if (fault.role === tracee.role && this.#result.met === undefined) {
      if (index < fault.index) {
        this.#result.before.push(nameOf(entry.number));
        return;
      }
      this.#result.met = describe(pid, entry);
      if (fault.act === "kill") ptrace.sendSignal(pid, SIGKILL);
      else if (typeof fault.act === "function") fault.act();
      else {
        // Whatever close(2) answers, the descriptor is gone.
        if (nameOf(entry.number) !== "close") ptrace.skipCall(pid);
        tracee.result = -fault.act;
      }
    }
  }

  /** Lets everything go that goes on after the command, and ends the watch. */
  #release(): void {
    if (this.#watch !== 0) {
      ptrace.sendSignal(this.#watch, SIGKILL);
      while (ptrace.waitForChange(this.#watch)?.kind !== "end");
    }
    for (const pid of [...this.#tracees.keys(), ...this.#strangers]) {
      ptrace.interrupt(pid);
      const change = ptrace.waitForChange(pid);
      if (change !== undefined && change.kind !== "end") {
        ptrace.detach(pid, change.kind === "signal" ? change.signal : 0);
      }
    }
  }
}

/** Runs a command to its end; see the module's description. */
export function trace(request: Request): Traced {
  return new Tracer(request).run();
}
