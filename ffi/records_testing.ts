/**
 * An executor for tests, in this process: it notes the calls that records make, and answers as told.
 * @module
 */

import type { Channel } from "./channel.ts";
import { Memory } from "./memory.ts";
import { ARGUMENTS, MASK, ON_ERROR, ON_POSITIVE, OPERATIONS, RECORD_SIZE, RESULT } from "./record.ts";
import { RemoteKernel } from "./remote.ts";
import { type SyscallName, syscallNumber } from "./syscalls.ts";

/** Arguments of the calls that it knows: `n` a number, `s` a text, `b` a buffer, a digit that many words. */
const CALLS: Partial<Record<SyscallName, string>> = {
  close: "n",
  fsconfig: "nnssn",
  fsmount: "nnn",
  fsopen: "sn",
  fstatfs: "nb",
  getpid: "",
  mkdirat: "nsn",
  mount_setattr: "nsn4n",
  move_mount: "nsnsn",
  open_tree: "nsn",
  openat: "nsnn",
  openat2: "ns3n",
  statx: "nsnnb",
};
const NAMES = new Map(
  Object.keys(CALLS).map((name) => [syscallNumber(name as SyscallName), name as SyscallName]),
);
/** Calls that answer with a descriptor. */
const OPENING = /^(?:open|fsopen|fsmount)/;

/** What a call answers; undefined for a new descriptor, or 0. @param buffer Address of what it writes to. */
export type Answer = (
  name: SyscallName,
  args: readonly (number | string)[],
  buffer: number,
) => number | undefined;

/** See the module's description. */
export class TestExecutor implements Channel {
  readonly ours = -1;
  readonly theirs = -1;
  readonly memory = new Memory(new ArrayBuffer(1 << 22), 0x10000000);
  readonly kernel: RemoteKernel = new RemoteKernel(this.memory, this, 32);
  /** The calls that were made, as text. */
  readonly calls: string[] = [];
  #stopped = 0;
  #next = 100;

  constructor(readonly answer: Answer = () => undefined) {}

  receive(): number {
    return this.#stopped;
  }

  ready(): boolean {
    return true;
  }

  send(address: number): void {
    for (let at = address;;) {
      const number = this.memory.view.getInt32(at - this.memory.base, true);
      if (number === OPERATIONS.stop) return void (this.#stopped = at);
      const result = number === OPERATIONS.branch ? this.#word(at, 0) : this.#call(at, NAMES.get(number)!);
      this.memory.setU64(at + RESULT, result);
      const to = this.memory.getI64(at + (result < 0 ? ON_ERROR : ON_POSITIVE));
      if (result < 0 && to === 0) return void (this.#stopped = at);
      at = result !== 0 && to !== 0 ? to : at + RECORD_SIZE;
    }
  }

  #word(record: number, argument: number): number {
    const word = this.memory.getI64(record + ARGUMENTS + argument * 8);
    const loaded = this.memory.view.getUint32(record - this.memory.base + MASK, true) & (1 << argument);
    return loaded ? this.memory.getI64(word) : word;
  }

  #call(record: number, name: SyscallName): number {
    const { memory } = this;
    let buffer = 0;
    const args = [...CALLS[name]!].map((kind, i) => {
      const word = this.#word(record, i), at = word - memory.base;
      if (kind === "n" || word === 0) return word;
      if (kind === "s") return new TextDecoder().decode(memory.bytes.slice(at, memory.bytes.indexOf(0, at)));
      if (kind !== "b") {
        return Array.from({ length: Number(kind) }, (_, i) => memory.getI64(word + i * 8)).join();
      }
      buffer = word;
      return "buffer";
    });
    const result = this.answer(name, args, buffer) ?? (OPENING.test(name) ? this.#next++ : 0);
    this.calls.push(`${name}(${args.join(", ")}) = ${result}`);
    return result;
  }
}
