/**
 * A dry run: commands run as they are, and nothing of it reaches the system. What they would have asked of it
 * is told.
 * @module
 */

import { S_IFDIR, S_IFIFO, S_IFLNK, S_IFMT, S_IFREG } from "../../../ffi/constants.ts";
import { decodeCall } from "../../../ffi/decode/decode.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { SyscallName } from "../../../ffi/syscalls.ts";
import { type Driven, type RecordWatch, watchBy, type Watcher } from "../../../ffi/watch.ts";
import { ownPid } from "../caller.ts";
import { fileCall } from "../tracing/file_calls.ts";
import { type HostCall, surroundHost } from "../tracing/host_calls.ts";
import { Stages } from "../tracing/stages.ts";
import { Executors } from "./executors.ts";
import { DryHost } from "./host.ts";
import type { FindPeer } from "./peers.ts";
import { RealFiles } from "./real_files.ts";
import type { Entry } from "./entry.ts";
import { DryTree } from "./tree.ts";

/** A call that would be made. */
export interface DryCall {
  /** `tsrun`, `stage`, `init`, … */
  readonly process: string;
  /** The stage of its lifecycle; empty where there is none. */
  stage: string;
  /** The step, in the words of error messages; empty where there is none. */
  step: string;
  /** Name of the call, and the whole of it. */
  name: string;
  call: string;
  /** What tsrun has done when the call is made, by its marks: empty until the next mark. */
  part: string;
}

const TSRUN = { name: "tsrun" };

/** See the module's description. It begins with its making, and does not end before the program. */
export class DryRun implements Watcher {
  readonly calls: DryCall[] = [];
  readonly #stages: Stages;
  readonly #executors: Executors;
  readonly #tree: DryTree;
  readonly #atEnd: (() => void)[] = [];
  #told = 0;

  /** @param findPeer What stands in for programs of the host that would be talked to. */
  constructor(k: LocalKernel, findPeer?: FindPeer) {
    this.#stages = new Stages(k, ownPid());
    this.#tree = new DryTree(
      new RealFiles(),
      (pid, file) => this.#procEntry(pid, file),
      (pid) => this.#executors.running.get(pid)?.process.root,
    );
    this.#executors = new Executors(
      this.#tree,
      ({ subject, name, args, stage, doing }) =>
        this.#tell(subject, name, decodeCall(name, args), stage, doing),
      (place) => ((this.#tree.look(place)?.mode ?? 0) & S_IFMT) === S_IFIFO,
    );
    const tell = (name: string, call: string) => this.#tell(TSRUN, name, call, this.#stages.of(0), "");
    const whenEnded = (act: () => void) => void this.#atEnd.push(act);
    const peer = (path: string) => findPeer?.(path, { tree: this.#tree, tell, whenEnded });
    const host = new DryHost(k, { tree: this.#tree, executors: this.#executors, pid: ownPid(), peer });
    watchBy(this);
    surroundHost(k, (call, run) => {
      this.#tellHost(call);
      return host.handle(call, run);
    });
  }

  drives(kernel: Driven): RecordWatch {
    const executors = this.#executors, process = this.#stages.add(kernel), stages = this.#stages;
    executors.drives(kernel);
    return {
      clocked: false,
      recorded: (record) => executors.recorded(kernel, record, stages.of(process)),
      ran() {},
      failed() {},
      resumed() {},
      released() {},
    };
  }

  enters(stage: string, kernel: Kernel | undefined): () => void {
    return this.#stages.enter(stage, kernel).leave;
  }

  marks(what: string): void {
    for (; this.#told < this.calls.length; this.#told++) this.calls[this.#told].part = what;
  }

  /** Ends the first process of each container, as if it had ended by itself. */
  endAll(): void {
    for (const pid of this.#executors.running.keys()) this.#executors.kill(pid);
    for (const act of this.#atEnd.splice(0)) act();
  }

  #tellHost({ name, args, operands, doing }: HostCall): void {
    const stage = this.#stages.of(0);
    if (args) this.#tell(TSRUN, name, decodeCall(name as SyscallName, args), stage, doing);
    else {
      const { name: call, detail } = fileCall(name, operands);
      this.#tell(TSRUN, call, detail, stage, doing);
    }
  }

  #tell(subject: { readonly name: string }, name: string, call: string, stage: string, step: string): void {
    const process = () => subject.name;
    this.calls.push({
      get process() {
        return process();
      },
      ...{ stage, step, name, call, part: "" },
    });
  }

  /** Files of a process that would be there, in /proc. */
  #procEntry(pid: number, file: string): Entry | undefined {
    const running = this.#executors.running.get(pid);
    if (running === undefined || !running.alive) return undefined;
    if (file === "" || file === "ns") return { mode: S_IFDIR | 0o555 };
    const own = `/proc/self/${file}`, { real } = this.#tree;
    if (file.startsWith("ns/")) {
      const link = file.slice(3), made = running.process.namespaces.get(link);
      const target = made === undefined ? real.look(own)?.target : `${link}:[${made}]`;
      return target === undefined ? undefined : { mode: S_IFLNK | 0o777, target };
    }
    const fields = ["S", ...Array(18).fill("0"), String(pid), ...Array(30).fill("0")];
    const text = file === "stat" ? `${pid} (${running.name}) ${fields.join(" ")}\n` : real.text(own) ?? "";
    return { mode: S_IFREG | 0o644, text };
  }
}
