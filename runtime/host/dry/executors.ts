/**
 * The executors of a dry run: they go through the records as real ones do, with answers that are made up.
 *
 *     tsrun ── send ──> line ──> process: record, answer, next record, ... stop ──> line ── receive ──> tsrun
 *
 * @module
 */

import { CLONE_PIDFD, O_WRONLY, PR_SET_NAME } from "../../../ffi/constants.ts";
import { AddressOf, type Arg, isResult, Load } from "../../../ffi/kernel.ts";
import { Buffer, Memory } from "../../../ffi/memory.ts";
import { ARGUMENTS, BRANCH, ON_ERROR, ON_POSITIVE, RECORD_SIZE, RESULT } from "../../../ffi/record.ts";
import {
  decodeRights,
  encodeRights,
  MESSAGE_CONTROL,
  MESSAGE_CONTROL_LENGTH,
} from "../../../ffi/structs_socket.ts";
import type { SyscallName } from "../../../ffi/syscalls.ts";
import type { Driven, Watched } from "../../../ffi/watch.ts";
import { callerUid } from "../caller.ts";
import { answerOf } from "./answers.ts";
import { DryProcess, type Opened } from "./process.ts";
import type { DryTree } from "./tree.ts";

/** A pair of connected sockets, by what waits at tsrun's end. */
export interface Line {
  /** Words for tsrun: addresses of records where its process has stopped, 0 for a descriptor. */
  inbox: number[];
  /** Messages for tsrun, of a line that keeps them apart. */
  messages: Uint8Array[];
  /** The process that waits at the other end for a record. */
  waiting?: Running;
  /** Descriptors that a process has sent to tsrun. */
  sent: Opened[];
  /** Descriptors that a process waits for. */
  awaited: Opened[];
  /** What is told when this end is tsrun's: it has a process. */
  ended: boolean;
}

/** A process that runs records. */
export interface Running {
  readonly process: DryProcess;
  memory: Memory;
  /** Who it is, for what is told. */
  subject: { readonly name: string };
  line: Line;
  /** The number of its end of the line. */
  channel: number;
  /** Where it goes on when the file that it opens is opened by another process. */
  suspended?: number;
  /** Its user. */
  uid: number;
  /** Name that /proc shows, and whether it is there. */
  name: string;
  alive: boolean;
}

/** A call as it is told: results are numbers. */
export interface Told {
  /** Its name is known in the end only: a process is named when it is driven. */
  subject: { readonly name: string };
  name: SyscallName;
  args: readonly Arg[];
  stage: string;
  doing: string;
}

/** A record, with the stage that it belongs to. */
interface Recorded {
  record: Watched;
  stage: string;
}

/** An argument that is not known when it is written. */
interface Slotted {
  settled?: boolean;
  slot?: number;
}

/** The pid of the first process of a dry run: above every real one (PID_MAX_LIMIT). */
const FIRST_PID = 4_200_000;

/** See the module's description. */
export class Executors {
  readonly running = new Map<number, Running>();
  readonly #records = new Map<Memory, Map<number, Recorded>>();
  readonly #kernels: Driven[] = [];
  #nextPid = FIRST_PID;

  /** @param tell Takes each call. @param isFifo Whether a place is exec.fifo. */
  constructor(
    readonly tree: DryTree,
    readonly tell: (told: Told) => void,
    readonly isFifo: (path: string) => boolean,
  ) {}

  /** A process is going to be driven. */
  drives(kernel: Driven): void {
    this.#kernels.push(kernel);
  }

  /** A record is written. */
  recorded(kernel: Driven, record: Watched, stage: string): void {
    const { memory } = kernel;
    let records = this.#records.get(memory);
    if (records === undefined) this.#records.set(memory, records = new Map());
    records.set(record.address, { record, stage });
  }

  /** Starts an executor. @param from tsrun's descriptors, which it inherits. */
  spawn(
    line: Line,
    channel: number,
    from: { process: DryProcess; own: ReadonlySet<number>; lines: ReadonlyMap<number, Line> },
  ): number {
    const process = new DryProcess(this.tree, this.#nextPid++);
    for (const fd of [0, 1, 2]) process.fds.set(fd, { position: { place: `/proc/self/fd/${fd}` } });
    for (const [fd, opened] of from.process.fds) process.fds.set(fd, opened);
    for (const fd of from.own) process.fds.set(fd, {});
    for (const [fd, end] of from.lines) process.fds.set(fd, { line: end });
    const subject = { name: "executor" };
    const rest = { memory: undefined!, uid: callerUid(), name: "tsrun:init", alive: true };
    const running = { process, subject, line, channel, ...rest };
    this.running.set(process.pid, running);
    line.waiting = running;
    return process.pid;
  }

  /** Hands a record over. @param ours tsrun's end, by which the kernel is found. */
  send(line: Line, ours: number, address: number): void {
    const { waiting } = line;
    if (waiting === undefined) return;
    const kernel = this.#kernels.findLast((it) =>
      (it as { channel?: { ours: number } }).channel?.ours === ours
    );
    if (kernel) {
      waiting.memory = kernel.memory;
      waiting.subject = kernel.subject;
    }
    line.waiting = undefined;
    this.#run(waiting, address);
  }

  /** Another process has opened the file that processes wait to open. */
  opened(): void {
    for (const running of [...this.running.values()]) {
      const { suspended } = running;
      if (suspended === undefined) continue;
      running.suspended = undefined;
      this.#run(running, suspended);
    }
  }

  /** Ends a process. */
  kill(pid: number): void {
    const running = this.running.get(pid);
    if (running) running.alive = false;
  }

  #run(running: Running, from: number): void {
    for (let address = from; address >= 0x1000;) {
      const at = this.#records.get(running.memory)?.get(address);
      if (at === undefined) {
        const bridge = this.#bridge(running.memory, address);
        if (bridge === undefined) break;
        address = bridge;
        continue;
      }
      if (at.record.op.name === "stop") return this.#stop(running, address);
      if (this.#blocks(running, at)) {
        running.suspended = this.#step(running, at, address) ?? 0;
        this.#keepMemory(running);
        return;
      }
      const next = this.#step(running, at, address);
      if (next === undefined) return;
      address = next;
    }
    this.#end(running);
  }

  /** By now the memory is the process's own; tsrun's is gone when the process goes on. */
  #keepMemory(running: Running): void {
    const { memory } = running, own = new Memory(memory.bytes.slice().buffer, memory.base);
    this.#records.set(own, new Map(this.#records.get(memory)));
    running.memory = own;
  }

  /** A jump from one piece of memory to another. */
  #bridge(memory: Memory, address: number): number | undefined {
    const at = address - memory.base;
    if (at < 0 || at >= memory.bytes.length || memory.view.getInt32(at, true) !== BRANCH) return undefined;
    const taken = memory.view.getUint32(at + ARGUMENTS, true) !== 0;
    return taken ? memory.view.getUint32(at + ON_POSITIVE, true) : address + RECORD_SIZE;
  }

  #stop(running: Running, address: number): void {
    running.line.inbox.push(address);
    running.line.waiting = running;
  }

  #end(running: Running): void {
    running.line.ended = true;
  }

  /** Whether a process waits here until exec.fifo is opened for reading. */
  #blocks({ process }: Running, { record: { op } }: Recorded): boolean {
    const [, path, flags] = op.args;
    if (op.name !== "openat" || typeof path !== "string" || typeof flags !== "number") return false;
    const [, fd] = /^self\/fd\/(\d+)$/.exec(path) ?? [];
    const place = process.fds.get(Number(fd))?.position?.place;
    return (flags & 3) === O_WRONLY && place !== undefined && this.isFifo(place);
  }

  /** Makes one record's call. @returns The next record; undefined where the process has stopped or ended. */
  #step(running: Running, { record, stage }: Recorded, address: number): number | undefined {
    const { memory } = running, { op } = record;
    const args = op.args.map((arg) => valueOf(memory, arg));
    const result = op.name === "branch" ? args[0] as number : this.#call(running, record, args, stage);
    if (result === undefined) return undefined;
    memory.setU64(address + RESULT, result);
    const at = address - memory.base, { view } = memory;
    if (result >= 0) {
      const elsewhere = result > 0 ? view.getUint32(at + ON_POSITIVE, true) : 0;
      return elsewhere || address + RECORD_SIZE;
    }
    const elsewhere = view.getUint32(at + ON_ERROR, true);
    if (elsewhere !== 0) return elsewhere;
    this.#stop(running, address);
    return undefined;
  }

  #call(running: Running, record: Watched, args: Arg[], stage: string): number | undefined {
    const { op } = record, name = op.name as SyscallName;
    const tell = () => this.tell({ subject: running.subject, name, args, stage, doing: op.doing });
    tell();
    if (name === "exit_group" || name === "execve") {
      if (name === "execve") running.name = String(args[0]).split("/").at(-1)!.slice(0, 15);
      if (name === "exit_group") running.alive = false;
      this.#end(running);
      return undefined;
    }
    if (name === "clone3" || name === "clone") return this.#clone(running, record, args);
    if (name === "prctl" && args[0] === PR_SET_NAME) running.name = String(args[1]).slice(0, 15);
    if (name === "write" || name === "sendmsg") this.#write(running, args);
    if (name === "recvmsg") return this.#receive(running, args);
    const { process } = running;
    if (name === "unshare") process.separate(args[0] as number);
    if (name === "setns") {
      const opened = process.fds.get(args[0] as number);
      const [, owner] = /^\/proc\/(\d+)\/ns\//.exec(opened?.position?.place ?? "") ?? [];
      const other = this.running.get(opened?.pid ?? Number(owner));
      if (other) process.join(other.process, args[1] as number);
    }
    if (name === "setresuid") running.uid = args[0] as number;
    const result = answerOf(running.process, name, args);
    if (name === "dup3" && args[1] === running.channel) {
      const line = running.process.fds.get(running.channel)?.line as Line | undefined;
      if (line) running.line = line;
    }
    return result;
  }

  /** A descriptor from tsrun. It is sent after the process has begun to wait for it, and filled in then. */
  #receive({ process, memory, line }: Running, [, message]: Arg[]): number {
    const opened: Opened = {}, control = memory.getI64((message as number) + MESSAGE_CONTROL);
    memory.bytes.set(encodeRights([process.add(opened)]), control - memory.base);
    line.awaited.push(opened);
    return 8;
  }

  /** The child runs first, until it stops or ends. */
  #clone(running: Running, record: Watched, args: Arg[]): number {
    const words = Array.isArray(args[0]) ? args[0].map(Number) : [Number(args[0])];
    const child = new DryProcess(this.tree, this.#nextPid++, running.process);
    const subject = this.#childOf(running);
    const other = { ...running, process: child, subject };
    this.running.set(child.pid, other);
    const { memory } = running, next = record.address + RECORD_SIZE;
    // clone3 writes the pid or the pidfd to where its arguments say.
    const [flags, pidfd, , parentTid] = words;
    child.separate(flags);
    if (flags & CLONE_PIDFD && pidfd) {
      memory.view.setInt32(pidfd - memory.base, running.process.add({}), true);
    }
    if (parentTid) memory.view.setUint32(parentTid - memory.base, child.pid, true);
    memory.setU64(record.address + RESULT, 0);
    this.#run(other, next);
    return child.pid;
  }

  /** The stage's child is the process that is driven next: its kernel is made while it is cloned. */
  #childOf({ subject: { name } }: Running): { readonly name: string } {
    if (name === "stage") {
      const kernels = this.#kernels, next = kernels.length;
      return {
        get name() {
          return kernels[next]?.subject.name ?? "init";
        },
      };
    }
    return { name: name === "joiner" ? "process" : "hook" };
  }

  /** A message of a process for tsrun: a pid, or a descriptor. */
  #write({ process, memory }: Running, [fd, data, size]: Arg[]): void {
    const line = process.fds.get(fd as number)?.line as Line | undefined;
    if (line === undefined) return;
    if (data instanceof AddressOf) {
      const start = (data.result as Slotted).slot! - memory.base;
      line.messages.push(memory.bytes.slice(start, start + (size as number)));
      return;
    }
    const at = data as number, control = memory.getI64(at + MESSAGE_CONTROL) - memory.base;
    const length = memory.getI64(at + MESSAGE_CONTROL_LENGTH);
    const [sent] = decodeRights(memory.bytes.slice(control, control + length), length);
    line.sent.push(process.fds.get(sent) ?? {});
    line.inbox.push(0);
  }
}

/** An argument as the kernel would get it: results as numbers, addresses of buffers as they are. */
function valueOf(memory: Memory, arg: Arg): Arg {
  if (arg instanceof Load) return memory.getI64(arg.buffer.address);
  if (arg instanceof Buffer) return arg.memory === memory ? arg : new Buffer(memory, arg.address, arg.size);
  if (arg instanceof AddressOf || !isResult(arg)) return arg;
  const { settled, slot } = arg as Slotted;
  return settled === false && slot !== undefined ? memory.getI64(slot) : arg.wait();
}
