/**
 * bpf(2), with `union bpf_attr` as 32-bit words.
 * @module
 */

import type { CallOptions } from "./kernel.ts";
import type { LocalKernel } from "./local.ts";
import type { Buffer } from "./memory.ts";
import { words32 } from "./structs.ts";

/** Bytes of `union bpf_attr` that are passed. The kernel takes the rest as zero. */
const ATTRIBUTE_SIZE = 64;

/** A `union bpf_attr` in the kernel's own memory. @param words Its first words; the rest are zero. */
export function bpfAttribute(k: LocalKernel, words: readonly number[]): Buffer {
  const buffer = k.buffer(ATTRIBUTE_SIZE);
  buffer.bytes.set(words32(...words));
  return buffer;
}

/**
 * Makes the call.
 *
 * @returns A descriptor or 0, as the command has it, or the negative errno of an allowed failure.
 * @throws {OperationError} For any other failure.
 */
export function bpf(k: LocalKernel, command: number, attribute: Buffer, options?: CallOptions): number {
  return k.call("bpf", [command, attribute, ATTRIBUTE_SIZE], options).wait();
}
