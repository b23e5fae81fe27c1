/** Dry kernels whose answers a test writes down, and what they have noted. */
import { type Call, DryKernel } from "../../ffi/dry.ts";
import type { Arg } from "../../ffi/kernel.ts";
import { Buffer, type Memory } from "../../ffi/memory.ts";

/** What a call answers, by its name: a number, or what a function makes of the arguments. */
export type Script = { readonly [call: string]: number | ((...args: Arg[]) => number | undefined) };

/** A dry kernel that answers as told, and as {@linkcode DryKernel} does otherwise. */
export function scripted(script: Script = {}, memory?: Memory): DryKernel {
  return new DryKernel((name, args) => {
    const answer = script[name];
    return typeof answer === "function" ? answer(...args) : answer;
  }, memory);
}

/** Names of the calls, in order. */
export function names(k: DryKernel): string[] {
  return k.calls.map((call) => call.name);
}

/** The calls of one name, in order. */
export function callsOf(k: DryKernel, name: Call["name"]): Call[] {
  return k.calls.filter((call) => call.name === name);
}

/** The lines of calls with these names, in order. */
export function lines(k: DryKernel, ...wanted: Call["name"][]): string[] {
  return k.lines().filter((line) => wanted.includes(line.split(" ")[0] as Call["name"]));
}

/** Answers statx(2): a file of this mode, and of these device numbers. */
export function stat(mode: number, major = 0, minor = 0): (...args: Arg[]) => number {
  return (...args) => {
    const buffer = args[4] as Buffer;
    const { view, base } = buffer.memory, at = buffer.address - base;
    view.setUint16(at + 28, mode, true);
    view.setUint32(at + 128, major, true);
    view.setUint32(at + 132, minor, true);
    return 0;
  };
}

/** Answers fstatfs(2): a filesystem with this magic number. */
export function statfs(magic: number): (...args: Arg[]) => number {
  return (_fd, buffer) => {
    if (buffer instanceof Buffer) buffer.memory.setU64(buffer.address, magic);
    return 0;
  };
}

/** Fails the first `times` calls with an errno. */
export function failing(errno: number, times = 1): () => number | undefined {
  return () => times-- > 0 ? -errno : undefined;
}
